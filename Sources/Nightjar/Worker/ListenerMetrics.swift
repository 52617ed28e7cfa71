internal import Metrics

/// How the notifications of one listener fare.
package struct ListenerMetrics: Sendable {
    private let isListening: Gauge
    private let received: Counter
    private let losses: Counter

    /// - Parameter listener: The app, or what else listens.
    package init(listener: String) {
        let dimensions = [("listener", listener)]
        isListening = Gauge(label: "nightjar.listening", dimensions: dimensions)
        received = Counter(label: "nightjar.notifications.received", dimensions: dimensions)
        losses = Counter(label: "nightjar.listening.lost", dimensions: dimensions)
        isListening.record(0)
    }

    package func listening() { isListening.record(1) }
    package func notified() { received.increment() }
    /// The connection was lost; polls find what there is to do.
    package func lost() {
        isListening.record(0)
        losses.increment()
    }
    /// Nobody wants to listen any more.
    package func ended() { isListening.record(0) }
}
