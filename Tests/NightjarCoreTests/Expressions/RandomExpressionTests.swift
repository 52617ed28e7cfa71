import ExpressionTesting
import NightjarCore
import Testing

@Suite("Expressions at random", .timeLimit(.minutes(1)))
struct RandomExpressionTests {
    /// What came up, so that a test which meets nothing interesting fails.
    private struct Tally {
        var pairs = 0, matches = 0, refused = 0
        var keys = 0, tuples = 0, spreads = 0, guards = 0, conditions = 0, alternatives = 0

        mutating func note(_ match: Match) {
            if match.branches.count > 1 { alternatives += 1 }
            for branch in match.branches {
                if !branch.triggerPath.isEmpty { keys += 1 }
                if branch.triggerPath.count > 2, branch.triggerPath[0] == "" { tuples += 1 }
                if (branch.triggerPath + branch.eventPath).contains(where: { $0.hasPrefix("{\"each\"") }) {
                    spreads += 1
                }
                if branch.guardExpression != nil { guards += 1 }
                if branch.condition != nil { conditions += 1 }
            }
        }
    }

    @Test("guard, keys and condition together say what the whole expression says")
    func branches() throws {
        var generator = ExpressionGenerator(seed: 7)
        var tally = Tally()
        for number in 0..<4_000 {
            let text = generator.expression(depth: 1 + number % 3)
            let expression = try EventExpression(text, scope: .match)
            let match = try? expression.match()
            if let match { tally.note(match) } else { tally.refused += 1 }
            for _ in 0..<6 {
                let (event, async) = (generator.event(), generator.event())
                let isTrue = ExpressionEvaluator(event: event, async: async).matches(expression.root)
                let matches = match.map { BranchModel(event: event, async: async).matches($0) } ?? false
                tally.pairs += 1
                if isTrue { tally.matches += 1 }
                guard isTrue != matches else { continue }
                Issue.record(
                    "\(text)\nis \(isTrue), its branches \(matches)\n\(match?.branches ?? [])\n\(event)\n\(async)")
                return
            }
        }

        #expect(tally.matches > tally.pairs / 10)
        #expect(tally.matches < tally.pairs / 2)
        for count in [
            tally.refused, tally.keys, tally.tuples, tally.spreads, tally.guards, tally.conditions, tally.alternatives,
        ] {
            #expect(count > 200, "\(tally)")
        }
    }

    @Test("the paths of a branch belong together, part by part and in order")
    func shape() throws {
        var generator = ExpressionGenerator(seed: 8)
        for _ in 0..<3_000 {
            let text = generator.expression()
            guard let match = try? EventExpression(text, scope: .match).match() else { continue }
            #expect((1...16).contains(match.branches.count), "\(text)")
            #expect(Set(match.branches).count == match.branches.count, "\(text)")
            for branch in match.branches {
                #expect(branch.triggerPath.isEmpty == branch.eventPath.isEmpty, "\(text)")
                guard branch.eventPath.first == "" else { continue }
                #expect(branch.triggerPath.count == branch.eventPath.count, "\(text)")
                #expect(branch.eventPath == branch.eventPath.sorted(), "\(text)")
                for side in [branch.triggerPath, branch.eventPath] {
                    #expect(side.count { $0.hasPrefix("{\"each\"") } <= 1, "\(text)")
                }
            }
        }
    }

    @Test("the stored form says the same, and is the same when it is read and written again")
    func stored() throws {
        var generator = ExpressionGenerator(seed: 9)
        for _ in 0..<3_000 {
            let expression = try EventExpression(generator.expression(), scope: .match)
            let evaluator = ExpressionEvaluator(event: generator.event(), async: generator.event())
            let json = try JSONCoding.value(JSON.self, from: JSONCoding.text(expression.stored))
            let node = try #require(SyntaxNode(stored: json))

            #expect(node.stored == expression.stored)
            #expect(evaluator.value(of: node) == evaluator.value(of: expression.root))
        }
    }
}
