/// How far a suspension, a resumption or a deletion has come.
public struct TenantProgress: Sendable, Hashable {
    /// How many rows it has moved or deleted so far.
    public var rows: Int
    /// Of a deletion: what is deleted at present, such as `logs`.
    public var stage: String?
    /// How many transactions that were open before have to end first: they may still start runs.
    public var transactions: Int
}
