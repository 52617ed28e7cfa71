import Testing

extension PythonTests {
    /// The suite of Tests/python: Inngest's own Python SDK from PyPI, in real apps, against real processes of ours.
    @Suite("The Python SDK")
    struct PythonSuiteTests {
        @Test("against a server without keys", arguments: PythonSuite.files.filter { $0 != "test_keys" })
        func withoutKeys(file: String) async throws {
            try await check(file, PythonSuite.withoutKeys)
        }

        @Test("against a server with keys", arguments: ["test_api", "test_keys"])
        func withKeys(file: String) async throws {
            try await check(file, PythonSuite.withKeys)
        }

        /// Each case that failed is an issue of its own, with its text.
        private func check(_ file: String, _ suite: PythonSuite) async throws {
            let cases = try await suite.report().cases(of: file)
            #expect(!cases.isEmpty, "no case of \(file) was run")
            #expect(cases.allSatisfy { !$0.isSkipped }, "a case is run, or it is not in the suite")
            for failed in cases where failed.failure != nil {
                Issue.record("\(file)::\(failed.name)\n\(failed.failure ?? "")")
            }
        }
    }
}
