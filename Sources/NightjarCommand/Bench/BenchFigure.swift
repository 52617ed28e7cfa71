import Nightjar

/// Something that was measured; and, where there is one, what the same work costs without an engine around it.
struct BenchFigure: Sendable {
    /// Ends in the unit, in snake case; a key of `--json` that stays.
    var name: String
    var value: JSON
    /// What raw SQL did with the same rows and the same commits: see ``BenchCeiling``.
    var reference: Double?
    /// What it is meant to be.
    var target: Double?

    init(_ name: String, _ value: JSON, reference: Double? = nil, target: Double? = nil) {
        self.name = name
        self.value = value
        self.reference = reference
        self.target = target
    }

    init(_ name: String, _ value: Double?, reference: Double? = nil, target: Double? = nil) {
        self.init(name, value.map { .number(rounded($0)) } ?? .null, reference: reference, target: target)
    }

    init(_ name: String, _ value: Int, target: Double? = nil) {
        self.init(name, .integer(Int64(value)), target: target)
    }

    /// Ours by the reference's.
    var share: Double? {
        guard let reference, reference > 0, let number else { return nil }
        return rounded(number / reference)
    }

    private var number: Double? {
        switch value {
        case .integer(let number): Double(number)
        case .number(let number): number
        case .null, .bool, .string, .array, .object: nil
        }
    }

    /// The figure's keys: its own, and what it is compared with.
    var members: [(String, JSON)] {
        var members = [(name, value)]
        if let reference { members.append(("\(name)_reference", .number(rounded(reference)))) }
        if let share { members.append(("\(name)_share", .number(share))) }
        if let target { members.append(("\(name)_target", .number(rounded(target)))) }
        return members
    }
}

/// Two digits after the point.
func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }

/// The middle one; of an even number the mean of the two in the middle.
func median(_ values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}

extension Duration {
    var milliseconds: Double { Double(components.seconds) * 1_000 + Double(components.attoseconds) * 1e-15 }
    var seconds: Double { milliseconds / 1_000 }
}

/// Sorted measurements and their percentiles.
struct Sample: Sendable {
    private let values: [Double]

    init(_ values: [Double]) { self.values = values.sorted() }

    func percentile(_ share: Double) -> JSON { value(share).map { .number(rounded($0)) } ?? .null }

    func value(_ share: Double) -> Double? {
        values.isEmpty ? nil : values[min(values.count - 1, Int(Double(values.count) * share))]
    }
}
