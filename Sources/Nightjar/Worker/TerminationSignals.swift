internal import Dispatch
internal import Synchronization

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// SIGTERM and SIGINT: the first asks for a graceful end, the second ends the process at once.
///
/// On a queue of its own, because user code that blocks Swift's threads is a reason to send the second one.
package final class TerminationSignals: Sendable {
    /// The first signal, by number; waiting for it ends without one when the task is cancelled.
    package let first: AsyncStream<Int32>
    private let sources: Mutex<[any DispatchSourceSignal]>

    /// Begins to catch the signals.
    package init() {
        let (first, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.first = first
        let queue = DispatchQueue(label: "nightjar.signals")
        let isAsked = Asked()
        sources = Mutex(
            [SIGTERM, SIGINT].map { number in
                #if canImport(Darwin)
                    // Dispatch observes there, and leaves the default action in place; elsewhere it replaces the action.
                    signal(number, SIG_IGN)
                #endif
                let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
                source.setEventHandler {
                    guard isAsked.setAndTellWhetherFirst() else { _exit(128 + number) }
                    continuation.yield(number)
                }
                source.resume()
                return source
            })
    }

    deinit {
        sources.withLock { for source in $0 { source.cancel() } }
    }
}

private final class Asked: Sendable {
    private let isAsked = Mutex(false)

    func setAndTellWhetherFirst() -> Bool {
        isAsked.withLock { isAsked in
            defer { isAsked = true }
            return !isAsked
        }
    }
}
