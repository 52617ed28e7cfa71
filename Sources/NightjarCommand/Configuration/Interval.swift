/// A time for which something is kept, as people write it.
enum Interval {
    /// `30d` as PostgreSQL has it; anything else as it is.
    static func text(_ argument: String) -> String {
        guard argument.hasSuffix("d"), let days = UInt32(argument.dropLast()) else { return argument }
        return "\(days) days"
    }
}
