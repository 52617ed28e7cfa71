/// The tenant whose key something came with.
struct KeyOwner: Sendable {
    var tenant: Int32
    /// For people, as it was some seconds ago.
    var name: String
}
