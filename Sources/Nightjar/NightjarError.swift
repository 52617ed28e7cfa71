/// What goes wrong between a caller and Nightjar. Errors of the database itself arrive as `PostgresError`.
public struct NightjarError: Error, Sendable, CustomStringConvertible {
    /// The kind of error; new kinds may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case schemaMissing, schemaOutdated, schemaTooNew, migrationEdited, invalidFunction, invalidEvent, timedOut
            case unknownRun
        }
        private let kind: Kind

        /// The database has no Nightjar schema.
        public static let schemaMissing = Code(kind: .schemaMissing)
        /// The schema lacks migrations that this build needs.
        public static let schemaOutdated = Code(kind: .schemaOutdated)
        /// The schema was made by a newer build than this one.
        public static let schemaTooNew = Code(kind: .schemaTooNew)
        /// A migration that was applied has another text than the one of this build.
        public static let migrationEdited = Code(kind: .migrationEdited)
        /// A function's definition cannot work.
        public static let invalidFunction = Code(kind: .invalidFunction)
        /// An event that the database would refuse.
        public static let invalidEvent = Code(kind: .invalidEvent)
        /// What was waited for did not happen in time.
        public static let timedOut = Code(kind: .timedOut)
        /// There is no such run.
        public static let unknownRun = Code(kind: .unknownRun)

        /// The code's name.
        public var description: String { kind.rawValue }
    }

    /// The kind of error.
    public var code: Code
    /// What is wrong, with the name of the thing, and what to do about it.
    public var message: String

    /// Creates an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The code and the message.
    public var description: String { "\(code): \(message)" }
}
