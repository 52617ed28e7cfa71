import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// A worker that has nothing to do asks once an interval; what else there is to say goes along with that.
struct IdleTests {
    @Test("An idle worker's looks beat for its session")
    func looksBeat() async throws {
        let blog = Blog()
        try await TestDatabase.with { database in
            let sql = PostgresSession(database.configuration, logger: .silent)
            try await sql.run { db in
                try db.script(
                    """
                    CREATE TABLE public.beats (statement text);
                    CREATE FUNCTION public.beaten() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN
                        INSERT INTO public.beats VALUES (current_query());
                        RETURN NULL;
                    END $$;
                    CREATE TRIGGER beaten AFTER UPDATE OF seen_at ON nightjar.sessions
                        FOR EACH ROW EXECUTE FUNCTION public.beaten();
                    """)
            }
            try await RunningWorker.with(
                [blog.publishPost], in: database,
                configure: {
                    $0.pollInterval = .milliseconds(250)
                    $0.sessionTimeToLive = .seconds(2)
                }
            ) { _ in
                try await eventually("looks beat") {
                    try await sql.run { db in
                        try db.query(
                            "SELECT count(*) >= 12 FROM public.beats WHERE statement = $1", [Statement.look.sql])[0]
                            .decode(0, as: Bool.self)
                    }
                }
            }
            await sql.close()
        }
    }
}
