/// How a worker works. Every value has a default that fits most services.
public struct WorkerConfiguration: Sendable {
    /// How many runs execute at once. Runs that sleep or wait take no slot.
    public var concurrency = 100
    /// How many claimed runs may wait for a slot at most. A worker takes no more than it lately finished in a second,
    /// and hands back what did not begin within one.
    public var localQueue = 200
    /// The pause between two looks for work when nothing happens: how late things are at most when every notification
    /// is lost.
    public var pollInterval = Duration.seconds(1)
    /// A worker that is silent for longer is dead, and its runs go to others. It beats four times as often, and others
    /// look at every poll interval: with the default a killed worker's runs are free again within 11 seconds.
    public var sessionTimeToLive = Duration.seconds(10)
    /// How long a graceful shutdown waits for steps to finish before they are cancelled.
    public var gracePeriod = Duration.seconds(20)
    /// A run fails instead of being handed back when this many workers in a row died while they held it.
    public var deathLimit = 5
    /// How many connections the worker keeps for its queries, besides one for its heartbeat and one to listen.
    public var connections = 4
    /// Whether to listen for notifications. Without them everything happens at the poll interval.
    public var listens = true
    /// Whether metrics tell tenants apart, 500 of them at most.
    public var metricsByTenant = true
    /// How old the name of a tenant may be when a run of it is claimed.
    var tenantNameSpan = TenantNames.span

    /// The defaults.
    public init() {}

    /// What is wrong with the values, each with its remedy.
    var problems: [String] {
        var problems: [String] = []
        if concurrency < 1 { problems.append("concurrency must be at least 1; it is \(concurrency)") }
        if localQueue < 0 { problems.append("localQueue must not be negative; it is \(localQueue)") }
        if pollInterval < .milliseconds(10) {
            problems.append("pollInterval must be at least 10 ms; it is \(pollInterval)")
        }
        if sessionTimeToLive < .milliseconds(400) {
            problems.append("sessionTimeToLive must be at least 400 ms; it is \(sessionTimeToLive)")
        }
        if gracePeriod < .zero { problems.append("gracePeriod must not be negative; it is \(gracePeriod)") }
        if deathLimit < 1 { problems.append("deathLimit must be at least 1; it is \(deathLimit)") }
        if connections < 2 { problems.append("connections must be at least 2; it is \(connections)") }
        return problems
    }
}
