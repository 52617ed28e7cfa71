internal import PostgresClient

/// What goes wrong between a caller and Nightjar. Errors of the database itself arrive as `PostgresError`.
public struct NightjarError: Error, Sendable, CustomStringConvertible {
    /// The kind of error; new kinds may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case schemaMissing, schemaOutdated, schemaTooNew, migrationEdited, invalidFunction, invalidEvent, timedOut
            case unknownRun, unknownFunction, unknownStep, unknownBulkCancel, invalidFilter, replacesNothing,
                cannotRerun, configuration, unknownTenant, invalidTenant, tenantSuspended, tenantDeleted, limitReached,
                tooLarge, unknownKey, invalidKey
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

        /// There is no such function.
        public static let unknownFunction = Code(kind: .unknownFunction)
        /// A run never came to such a step.
        public static let unknownStep = Code(kind: .unknownStep)
        /// There is no such request to cancel many runs.
        public static let unknownBulkCancel = Code(kind: .unknownBulkCancel)
        /// A filter of runs that is not understood, or can mean no unfinished run.
        public static let invalidFilter = Code(kind: .invalidFilter)
        /// An event that was to replace what earlier ones started, and does not.
        public static let replacesNothing = Code(kind: .replacesNothing)
        /// A run that cannot be run again, as things stand.
        public static let cannotRerun = Code(kind: .cannotRerun)
        /// Settings that do not go together.
        public static let configuration = Code(kind: .configuration)
        /// There is no such tenant, or no such database role.
        public static let unknownTenant = Code(kind: .unknownTenant)
        /// A tenant that cannot be made or changed so.
        public static let invalidTenant = Code(kind: .invalidTenant)
        /// An event of a tenant that is suspended.
        public static let tenantSuspended = Code(kind: .tenantSuspended)
        /// Something of a tenant that is being deleted, or was.
        public static let tenantDeleted = Code(kind: .tenantDeleted)
        /// An event of a tenant that has as many unfinished runs, or sends as many events, as it may.
        public static let limitReached = Code(kind: .limitReached)
        /// An event that is larger than its tenant's may be.
        public static let tooLarge = Code(kind: .tooLarge)
        /// The tenant has no such key, or none that could be rotated or revoked.
        public static let unknownKey = Code(kind: .unknownKey)
        /// A key that cannot be made so: its name is taken or no name, somebody has it already, or it is no key.
        public static let invalidKey = Code(kind: .invalidKey)

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

extension NightjarError {
    /// Executes a statement whose refusals are meant for the caller: those with one of these states become errors with
    /// the server's message and advice.
    static func refusals<T>(_ codes: [SQLState: Code], _ body: () throws -> T) throws -> T {
        do { return try body() } catch let error as PostgresError {
            guard let code = error.sqlState.flatMap({ codes[$0] }) else { throw error }
            throw NightjarError(code, error.hint.map { "\(error.message). \($0)" } ?? error.message)
        }
    }
}
