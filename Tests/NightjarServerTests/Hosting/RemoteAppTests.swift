import Foundation
import Logging
import NightjarCore
import NightjarTesting
import PostgresClient
import Testing

@testable import NightjarServer

struct RemoteAppTests {
    @Test("A function that this build cannot read keeps no other from being executed")
    func unreadable() async throws {
        try await TestDatabase.with { database in
            let session = PostgresSession(database.configuration, logger: .init(label: "test"))
            let found = try await session.run { db in
                let options = try FunctionOptions().canonicalJSON()
                for app in ["shop", "blog"] {
                    let functions = ["a", "b"].map {
                        #"{"name": "\#($0)", "title": "\#($0)", "options": \#(options), "triggers": [{"event": "x/go"}], "#
                            + #""url": "http://127.0.0.1:1", "cancel": []}"#
                    }
                    try db.query(
                        "SELECT * FROM nightjar.sync($1)",
                        [
                            PostgresJSON(
                                #"{"name": "\#(app)", "url": "http://127.0.0.1:1/\#(app)", "sdk": "py:v0", "checksum": "1", "#
                                    + #""functions": [\#(functions.joined(separator: ", "))]}"#)
                        ])
                }
                try db.execute(
                    """
                    UPDATE nightjar.functions SET options = '{"retries": "as many as it takes"}'
                    WHERE name = 'a' AND app_id = (SELECT app_id FROM nightjar.apps WHERE name = 'shop')
                    """)
                return try RemoteApp.readAll(db)
            }
            await session.close()
            #expect(found.apps.map(\.name).sorted() == ["blog", "shop"])
            #expect(found.apps.first { $0.name == "shop" }?.functions.map(\.name) == ["b"])
            #expect(found.apps.first { $0.name == "blog" }?.functions.map(\.name) == ["a", "b"])
            #expect(found.unreadable.keys.sorted() == ["shop-a"])
        }
    }
}
