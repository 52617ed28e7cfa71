import Foundation
import Testing

@testable import Nightjar

struct SlotScheduleTests {
    private let now = ContinuousClock.now

    @Test("Nothing is asked where there are no limits")
    func inactive() {
        var schedule = SlotSchedule(isActive: false)
        schedule.hinted()
        schedule.released([UUID()])
        schedule.polled(isLimited: false)
        #expect(schedule.next(now: now, room: 10) == nil)
        // The poll sees some: from then on for good.
        schedule.polled(isLimited: true)
        #expect(schedule.next(now: now, room: 10)?.most == 10)
        schedule.polled(isLimited: false)
        #expect(schedule.next(now: now, room: 10)?.sweeps == true)
    }

    @Test("Without room only what this worker releases is asked for; with room, what hints, due times and answers tell of")
    func room() {
        var schedule = SlotSchedule(isActive: true)
        schedule.hinted()
        #expect(schedule.next(now: now, room: 0) == nil)
        #expect(schedule.waitsForRoom)
        let runs = [UUID(), UUID(), UUID()]
        schedule.released(runs)
        #expect(schedule.next(now: now, room: 0)?.most == 3)
        #expect(schedule.next(now: now, room: 5) == nil)

        schedule.expect(dueAt: now + .seconds(1))
        #expect(schedule.next(now: now, room: 5) == nil)
        #expect(schedule.dueAt == now + .seconds(1))
        #expect(schedule.next(now: now + .seconds(1), room: 5)?.most == 5)
        schedule.hinted()
        #expect(schedule.next(now: now, room: 100_000)?.most == SlotSchedule.mostAtOnce)
    }

    @Test("An answer is followed up: at once when it granted nothing and there is more, else when there is room again")
    func answers() throws {
        var schedule = SlotSchedule(isActive: true)
        schedule.hinted()
        var question = try #require(schedule.next(now: now, room: 5))
        var answer = SlotSchedule.Answer(hasMore: true, nextIn: .seconds(2))
        #expect(schedule.answered(question, answer, now: now))
        #expect(schedule.dueAt == now + .seconds(2))
        question = try #require(schedule.next(now: now, room: 5))
        answer = SlotSchedule.Answer(granted: 5, hasMore: true, leftOver: [UUID()])
        #expect(!schedule.answered(question, answer, now: now))
        #expect(schedule.waitsForRoom)
        question = try #require(schedule.next(now: now, room: 1))
        #expect(question.again == Set(answer.leftOver))
        #expect(!schedule.answered(question, SlotSchedule.Answer(granted: 1), now: now))
        #expect(schedule.next(now: now, room: 5) == nil)
    }

    @Test("A question that was not answered is asked again, with all that came meanwhile")
    func failures() throws {
        var schedule = SlotSchedule(isActive: true)
        let (first, second) = (UUID(), UUID())
        schedule.released([first])
        schedule.polled(isLimited: true)
        let question = try #require(schedule.next(now: now, room: 5))
        schedule.released([second])
        schedule.failed(question)
        let again = try #require(schedule.next(now: now, room: 5))
        #expect(again.released == [first, second])
        #expect(again.sweeps)
    }
}
