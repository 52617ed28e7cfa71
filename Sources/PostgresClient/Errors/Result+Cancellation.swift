extension Result where Failure == any Error {
    /// The value; a statement that was ended by the task's cancellation counts as `CancellationError`.
    func getMappingCancellation() throws -> Success {
        switch self {
        case .success(let value): return value
        case .failure(let error as PostgresError) where error.code == .cancelled: throw CancellationError()
        case .failure(let error): throw error
        }
    }
}
