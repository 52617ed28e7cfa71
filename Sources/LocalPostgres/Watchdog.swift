import Dispatch
import Foundation

/// A shell that runs the server and ends it when we are gone, however we went.
///
/// It reads from a line whose other end only this process has. When that closes, the server is told to stop; before
/// that, the words it reads are signals to be sent to the server.
final class Watchdog: Sendable {
    /// $1: signal at our end; $2: directory to remove then, or empty; $3: log file; the rest: the server's command.
    ///
    /// Signals are sent again until they work, because a server that has just begun to start ignores them.
    private static let script = """
        last=$1 remove=$2 log=$3
        shift 3
        cd /
        rm -f "$log.ended"
        exec 3<&0 </dev/null
        "$@" 3<&- >>"$log" 2>&1 &
        server=$!
        (
            trap '' INT QUIT HUP
            while read -r line; do
                case $line in
                    keep) exit 0 ;;
                    *) kill -s "$line" "$server" ;;
                esac
            done
            tries=0
            while [ ! -e "$log.ended" ] && kill -0 "$server"; do
                [ $tries -lt 150 ] || last=QUIT
                [ $tries -lt 200 ] || last=KILL
                kill -s "$last" "$server"
                tries=$((tries + 1))
                sleep 0.2
            done
            [ -z "$remove" ] || rm -rf "$remove"
        ) <&3 2>/dev/null &
        exec 3<&-
        trap 'kill -s INT "$server"' TERM INT HUP
        wait "$server"
        status=$?
        while kill -0 "$server" 2>/dev/null; do wait "$server"; status=$?; done
        : >"$log.ended"
        exit $status
        """

    private let line: Line
    private let shell: Child

    /// - Parameter directory: What is removed after the server, if we end without having called `letGo`.
    init(user: ServerUser, server: [String], log: URL, signalAtOurEnd: String, removing directory: URL?) throws {
        let arguments = [
            "/bin/sh", "-c", Self.script, "sh", signalAtOurEnd, directory?.path(percentEncoded: false) ?? "",
            log.path(percentEncoded: false),
        ]
        let (line, theirEnd) = try Line.make()
        shell = try Child(user.command(arguments + server), standardInput: theirEnd.fileDescriptor)
        try theirEnd.close()
        self.line = line
    }

    var hasEnded: Bool { shell.hasEnded }

    /// Sends a signal to the server.
    func signal(_ name: String) {
        line.send(name + "\n")
    }

    /// Waits until the server has ended.
    ///
    /// - Returns: Whether it has ended in time.
    func waitForEnd(within limit: Duration) async -> Bool {
        let deadline = ContinuousClock.now + limit
        while !hasEnded {
            guard ContinuousClock.now < deadline else { return false }
            // Stopping goes on when the task is cancelled, and Task.sleep would not.
            await withCheckedContinuation { continuation in
                DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(5)) { continuation.resume() }
            }
        }
        return true
    }

    /// Has the shell do nothing more; to be called when the server has ended.
    func letGo() {
        line.send("keep\n")
        line.close()
    }
}
