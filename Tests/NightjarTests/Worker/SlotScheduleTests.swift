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
        let nothing = schedule.next(now: now, room: 10)
        #expect(nothing == nil)
        // The poll sees some: from then on for good.
        schedule.polled(isLimited: true)
        let first = schedule.next(now: now, room: 10)
        #expect(first?.most == 10)
        schedule.polled(isLimited: false)
        let second = schedule.next(now: now, room: 10)
        #expect(second?.sweeps == true)
    }

    @Test(
        "Without room only what this worker releases is asked for; with room, what hints, due times and answers tell of"
    )
    func room() {
        var schedule = SlotSchedule(isActive: true)
        schedule.hinted()
        let full = schedule.next(now: now, room: 0)
        #expect(full == nil && schedule.waitsForRoom)
        schedule.released([UUID(), UUID(), UUID()])
        let released = schedule.next(now: now, room: 0)
        #expect(released?.most == 3)
        let rest = schedule.next(now: now, room: 5)
        #expect(rest == nil)

        schedule.expect(dueAt: now + .seconds(1))
        let early = schedule.next(now: now, room: 5)
        #expect(early == nil && schedule.dueAt == now + .seconds(1))
        let due = schedule.next(now: now + .seconds(1), room: 5)
        #expect(due?.most == 5)
        schedule.hinted()
        let large = schedule.next(now: now, room: 100_000)
        #expect(large?.most == SlotSchedule.mostAtOnce)
    }

    @Test("An answer is followed up: at once when it granted nothing and there is more, else when there is room again")
    func answers() {
        var schedule = SlotSchedule(isActive: true)
        func ask(_ answer: SlotSchedule.Answer, room: Int) -> (question: SlotSchedule.Question, again: Bool)? {
            guard let question = schedule.next(now: now, room: room) else { return nil }
            return (question, schedule.answered(question, answer, now: now))
        }
        schedule.hinted()
        let first = ask(SlotSchedule.Answer(hasMore: true, nextIn: .seconds(2)), room: 5)
        #expect(first?.again == true && schedule.dueAt == now + .seconds(2))
        let left = UUID()
        let second = ask(SlotSchedule.Answer(granted: 5, hasMore: true, leftOver: [left]), room: 5)
        #expect(second?.again == false && schedule.waitsForRoom)
        // What was granted takes up room until it is claimed, by whomever.
        let taken = ask(SlotSchedule.Answer(), room: 5)
        #expect(taken == nil)
        schedule.claimed(4, isAll: false)
        let third = ask(SlotSchedule.Answer(granted: 1), room: 2)
        #expect(third?.question.again == [left] && third?.again == false)
        let rest = ask(SlotSchedule.Answer(), room: 5)
        #expect(rest == nil)
    }

    @Test("A sweep goes on at once as long as it finds something, and has not come to the end")
    func sweeps() {
        var schedule = SlotSchedule(isActive: true)
        schedule.polled(isLimited: true)
        for (answer, goesOn) in [
            (SlotSchedule.Answer(granted: 1, probed: UUID()), true), (SlotSchedule.Answer(probed: UUID()), false),
        ] {
            let question = schedule.next(now: now, room: 50)
            #expect(question?.sweeps == true)
            if let question {
                let again = schedule.answered(question, answer, now: now)
                #expect(again == goesOn)
            }
        }
    }

    @Test("A worker that shuts down asks for nothing, whatever it releases")
    func closed() {
        var schedule = SlotSchedule(isActive: true)
        schedule.hinted()
        schedule.close()
        schedule.released([UUID()])
        schedule.polled(isLimited: true)
        let nothing = schedule.next(now: now, room: 10)
        #expect(nothing == nil)
    }

    @Test("Whoever claims a run that holds slots asks from then on")
    func claimed() {
        var schedule = SlotSchedule(isActive: false)
        schedule.claimed(1, isAll: true)
        let run = UUID()
        schedule.released([run])
        let question = schedule.next(now: now, room: 1)
        #expect(question?.released == [run])
    }

    @Test("A question that was not answered is asked again, with all that came meanwhile")
    func failures() {
        var schedule = SlotSchedule(isActive: true)
        let (first, second) = (UUID(), UUID())
        schedule.released([first])
        schedule.polled(isLimited: true)
        if let question = schedule.next(now: now, room: 5) {
            schedule.released([second])
            schedule.failed(question)
        }
        let again = schedule.next(now: now, room: 5)
        #expect(again?.released == [first, second] && again?.sweeps == true)
    }
}
