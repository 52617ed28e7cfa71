import LocalPostgres
import Nightjar

/// Why a command ends without success.
struct CommandError: Error {
    var status: ExitStatus
    var message: String

    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }

    /// Says what an error of the layers below means to somebody at a terminal.
    init(_ error: any Error) {
        switch error {
        case let error as PostgresError where error.isConnectionLoss:
            self.init(.unavailable, "the database cannot be reached: \(error.message)")
        case let error as PostgresError where error.code == .configuration:
            self.init(.usage, error.message)
        case let error as PostgresError where Self.meansNoSchema(error):
            self.init(
                .failure,
                "the database has no Nightjar schema, or an old one (\(error.message)); run 'nightjar migrate'")
        case let error as PostgresError:
            self.init(.failure, "\(error)")
        case let error as NightjarError:
            self.init(Self.status(of: error.code), error.message)
        case let error as LocalPostgresError:
            self.init(.failure, error.message)
        default:
            self.init(.failure, "\(error)")
        }
    }

    private static func status(of code: NightjarError.Code) -> ExitStatus {
        switch code {
        case .invalidFilter, .invalidEvent, .invalidTenant, .invalidKey: .usage
        case .unknownRun, .unknownStep, .unknownFunction, .unknownBulkCancel, .unknownTenant, .replacesNothing,
            .cannotRerun, .tenantSuspended, .tenantDeleted, .limitReached, .tooLarge, .unknownKey:
            .notAsWanted
        default: .failure
        }
    }

    private static func meansNoSchema(_ error: PostgresError) -> Bool {
        guard let state = error.sqlState else { return false }
        return [.undefinedTable, .undefinedFunction, .undefinedColumn, SQLState(rawValue: "3F000")].contains(state)
    }
}
