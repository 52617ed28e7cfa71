import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A child process with a clean signal mask and a process group of its own.
///
/// Foundation's `Process` hands on the mask of the calling thread, and Swift's threads block all signals: a shell
/// would then never hear of the end of its own children. The group keeps a Ctrl-C at the terminal from stopping the
/// server before us.
final class Child: Sendable {
    let processID: Int32
    private let isReaped = Mutex(false)

    /// Starts a program whose output goes nowhere.
    init(_ arguments: [String], standardInput: Int32) throws {
        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
            var attributes: posix_spawnattr_t?
            let flags =
                POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_CLOEXEC_DEFAULT
        #else
            var actions = posix_spawn_file_actions_t()
            var attributes = posix_spawnattr_t()
            let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, standardInput, 0)
        for descriptor in [Int32(1), 2] {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
        }

        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(flags))
        posix_spawnattr_setpgroup(&attributes, 0)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)

        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] =
            Command.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + environment { free(pointer) } }
        var processID = pid_t()
        let status = posix_spawn(&processID, arguments[0], &actions, &attributes, &argv, &environment)
        guard status == 0 else {
            throw LocalPostgresError(.startFailed, "cannot run \(arguments[0]): \(String(cString: strerror(status)))")
        }
        self.processID = processID
    }

    /// Whether the process has ended.
    var hasEnded: Bool {
        isReaped.withLock { isReaped in
            if !isReaped { isReaped = waitpid(processID, nil, WNOHANG) != 0 }
            return isReaped
        }
    }
}
