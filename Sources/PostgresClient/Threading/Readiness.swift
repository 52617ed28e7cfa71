#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Waiting for file descriptors, on threads that may block.
enum Readiness {
    enum Interest {
        case reading, writing

        fileprivate var events: Int16 { Int16(self == .reading ? POLLIN : POLLOUT) }
    }

    /// Waits until one of the descriptors is ready (or broken) or the time is over; negative waits for ever.
    ///
    /// - Returns: Which of the descriptors are ready, in the same order; a signal counts as nothing being ready.
    static func wait(for descriptors: [(Int32, Interest)], milliseconds: Int) -> [Bool] {
        var entries = descriptors.map { pollfd(fd: $0.0, events: $0.1.events, revents: 0) }
        let count = poll(&entries, nfds_t(entries.count), Int32(clamping: milliseconds))
        return entries.map { count > 0 && $0.revents != 0 }
    }

    /// Waits until one descriptor is ready (or broken) or the time is over.
    static func wait(for descriptor: Int32, _ interest: Interest, milliseconds: Int) -> Bool {
        var entry = pollfd(fd: descriptor, events: interest.events, revents: 0)
        return poll(&entry, 1, Int32(clamping: milliseconds)) > 0
    }
}
