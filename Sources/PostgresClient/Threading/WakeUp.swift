import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Gets a thread out of `poll`, once and for good.
final class WakeUp: Sendable {
    /// Becomes readable with the signal; -1, which `poll` ignores, when no pipe could be made.
    let descriptor: Int32
    private let writingEnd: Int32
    private let signalled = Atomic(false)

    init() {
        var ends: [Int32] = [-1, -1]
        if pipe(&ends) == 0 {
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        }
        (descriptor, writingEnd) = (ends[0], ends[1])
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        close(writingEnd)
    }

    var isSignalled: Bool { signalled.load(ordering: .acquiring) }

    /// Without a pipe threads have to look at `isSignalled` from time to time.
    var longestWait: Duration { descriptor >= 0 ? .seconds(3600) : .milliseconds(250) }

    func signal() {
        guard !signalled.exchange(true, ordering: .acquiringAndReleasing), writingEnd >= 0 else { return }
        var byte: UInt8 = 1
        _ = write(writingEnd, &byte, 1)
    }
}
