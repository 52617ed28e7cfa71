import Foundation

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What a process has used so far, as the kernel tells; nothing where there is no `/proc`, or no such process.
struct ProcessUsage: Sendable {
    var processorSeconds: Double
    var residentMegabytes: Double
    var peakMegabytes: Double
    private var parent: Int32
    /// Of children that have ended and were waited for.
    private var endedSeconds: Double

    init?(of processID: Int32) {
        let directory = "/proc/\(processID)"
        guard let stat = try? String(contentsOfFile: "\(directory)/stat", encoding: .utf8),
            let status = try? String(contentsOfFile: "\(directory)/status", encoding: .utf8),
            let nameEnd = stat.lastIndex(of: ")")
        else { return nil }
        // The name before may hold blanks and brackets; see proc(5) for what follows it.
        let fields = stat[stat.index(after: nameEnd)...].split(separator: " ")
        guard fields.count > 14, let parent = Int32(fields[1]) else { return nil }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        let seconds = fields[11...14].map { (Double($0) ?? 0) / ticks }
        self.parent = parent
        processorSeconds = seconds[0] + seconds[1]
        endedSeconds = seconds[2] + seconds[3]
        residentMegabytes = Self.megabytes("VmRSS:", in: status)
        peakMegabytes = Self.megabytes("VmHWM:", in: status)
    }

    /// Processor seconds of a PostgreSQL server: of those of its processes that run, and of those that have ended.
    static func processorSeconds(ofServer postmaster: Int32) -> Double? {
        guard let first = ProcessUsage(of: postmaster) else { return nil }
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        let children = processes.compactMap { Int32($0).flatMap(ProcessUsage.init(of:)) }
            .filter { $0.parent == postmaster }
        return children.reduce(first.processorSeconds + first.endedSeconds) {
            $0 + $1.processorSeconds + $1.endedSeconds
        }
    }

    private static func megabytes(_ key: String, in status: String) -> Double {
        let line = status.split(separator: "\n").first { $0.hasPrefix(key) }
        let kilobytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) }
        return (kilobytes ?? 0) / 1_024
    }
}
