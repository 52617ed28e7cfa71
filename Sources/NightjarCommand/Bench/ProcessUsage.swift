import Foundation

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What processes have used so far, where the system tells (Linux's /proc).
enum ProcessUsage {
    /// Processor seconds of a process.
    static func processorSeconds(of process: Int32) -> Double? {
        times(of: process).map { $0.own }
    }

    /// Processor seconds of a PostgreSQL server: of those of its processes that run, and of those that have ended.
    static func processorSeconds(ofServer postmaster: Int32) -> Double? {
        guard let first = times(of: postmaster) else { return nil }
        let children = processes.compactMap { times(of: $0) }.filter { $0.parent == postmaster }
        return first.own + first.ended + children.reduce(0) { $0 + $1.own + $1.ended }
    }

    /// The most memory that a process has had.
    static func peakMegabytes(of process: Int32) -> Double? {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kilobytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
        else { return nil }
        return Double(kilobytes).map { $0 / 1_024 }
    }

    private static var processes: [Int32] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
    }

    private struct Times {
        var parent: Int32
        var own: Double
        /// Of children that have ended and were waited for.
        var ended: Double
    }

    private static func times(of process: Int32) -> Times? {
        // The name, in parentheses, may contain anything; see proc(5).
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 14, let parent = Int32(fields[1]) else { return nil }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        let values = fields[11...14].map { (Double($0) ?? 0) / ticks }
        return Times(parent: parent, own: values[0] + values[1], ended: values[2] + values[3])
    }
}
