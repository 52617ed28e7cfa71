import Foundation

/// What a process has used so far, as the kernel tells; nothing where there is no `/proc`, or no such process.
struct ProcessUsage: Sendable {
    var processorSeconds: Double
    var residentMegabytes: Double
    var peakMegabytes: Double

    init?(of processID: Int32) {
        let directory = "/proc/\(processID)"
        guard let stat = try? String(contentsOfFile: "\(directory)/stat", encoding: .utf8),
            let status = try? String(contentsOfFile: "\(directory)/status", encoding: .utf8),
            let nameEnd = stat.lastIndex(of: ")")
        else { return nil }
        // The name before may hold blanks and brackets; user and system time are the 12th and 13th field after it.
        let fields = stat[stat.index(after: nameEnd)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return nil }
        processorSeconds = (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
        residentMegabytes = Self.megabytes("VmRSS:", in: status)
        peakMegabytes = Self.megabytes("VmHWM:", in: status)
    }

    private static func megabytes(_ key: String, in status: String) -> Double {
        let line = status.split(separator: "\n").first { $0.hasPrefix(key) }
        let kilobytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) }
        return (kilobytes ?? 0) / 1_024
    }
}
