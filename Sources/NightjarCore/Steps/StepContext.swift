public import Foundation

/// What the body of a step can know about its execution.
///
/// ```swift
/// try await step.run("charge") {
///     try await payments.charge(order, idempotencyKey: StepContext.current?.idempotencyKey)
/// }
/// ```
public struct StepContext: Sendable, Hashable {
    /// The run that the step belongs to.
    public let runID: UUID
    /// The name of the tenant that the run is for, as it was when the worker first had one of its runs.
    public let tenant: String
    /// The number of the tenant that the run is for, which stays when the tenant is renamed.
    public let tenantID: Int
    /// The step; for the second, third … use of an id in the run with `:1`, `:2` … after it.
    public let stepID: String
    /// Which attempt this is, from 1.
    public let attempt: Int

    /// The same for every attempt of this step in this run and different for every other step: hand it to services
    /// that can ignore a repeated request, since a step may be executed again after a crash.
    public var idempotencyKey: String { "\(runID.uuidString.lowercased())/\(stepID)" }

    /// The step whose body is being executed, nil outside of step bodies. Child tasks inherit it.
    public static var current: StepContext? { task }

    @TaskLocal static var task: StepContext?
}
