import Foundation

/// What a run has recorded, and how far a replay has come in it.
///
/// Memos are delivered in the order in which the steps once ended. A race between branches is therefore won by the same
/// branch in every replay.
struct ReplayMemory: Sendable {
    /// By the moment at which each ended.
    private let records: [RecordedStep]
    /// Positions in `records` by step.
    private let positions: [String: Int]
    private var met: [Bool]
    /// How many recorded steps this replay has not come to yet.
    private(set) var unmet: Int
    /// The position whose turn it is.
    private var turn = 0
    /// The index that the next use of an id gets.
    private var uses: [String: Int] = [:]

    init(_ memo: [RecordedStep]) {
        let ordered = zip(memo, memo.dropFirst()).allSatisfy { $0.settledAt <= $1.settledAt }
        // Swift's sort is stable: what ended at the same moment stays in the order of recording.
        records = ordered ? memo : memo.sorted { $0.settledAt < $1.settledAt }
        positions = Dictionary(zip(records.map(\.step), records.indices)) { first, _ in first }
        met = Array(repeating: false, count: records.count)
        unmet = positions.count
    }

    /// Gives the next use of an id its key: `x`, then `x:1`, `x:2` … whatever of these is not taken already.
    ///
    /// - Returns: The key, and the key of the previous use, if there was one.
    mutating func key(for id: String) -> (key: String, previous: String?) {
        guard var index = uses[id] else {
            uses[id] = 1
            return (id, nil)
        }
        let previous = index == 1 ? id : "\(id):\(index - 1)"
        var key: String
        repeat {
            key = "\(id):\(index)"
            index += 1
        } while uses[key] != nil
        uses[id] = index
        uses[key] = 1
        return (key, previous)
    }

    /// Notes that the replay has come to a step, and returns what is recorded for it.
    mutating func meet(_ key: String) -> (position: Int, record: RecordedStep)? {
        guard unmet > 0, let position = positions[key], !met[position] else { return nil }
        met[position] = true
        unmet -= 1
        return (position, records[position])
    }

    /// Says whether it is a memo's turn; then the next one's comes.
    mutating func deliver(_ position: Int) -> Bool {
        guard position <= turn else { return false }
        turn = max(turn, position + 1)
        return true
    }

    /// Passes over what would come before a memo but was not met.
    mutating func skip(to position: Int) { turn = max(turn, position + 1) }

    /// The first recorded step that the replay has not come to.
    var firstUnmet: RecordedStep? {
        met.firstIndex(of: false).map { records[$0] }
    }
}

extension RecordedStep {
    /// When the step let its branch go on.
    fileprivate var settledAt: Date { max(endedAt, dueAt ?? endedAt) }
}
