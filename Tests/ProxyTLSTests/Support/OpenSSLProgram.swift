/// The `openssl` program, as the peer of the code under test.
enum OpenSSLProgram {
    struct Output {
        let status: Int32
        let text: String
    }

    struct Failure: Error {
        let text: String
    }

    /// Runs it until it exits. `input` is its whole input; standard output and error are returned as one text.
    static func run(_ arguments: [String], input: String = "") async throws -> Output {
        let program = try RunningProgram("openssl", arguments)
        program.send(input)
        program.endInput()
        return await program.output()
    }

    /// Runs `openssl s_server` on a free port that it chooses.
    static func server(_ arguments: [String]) async throws -> (program: RunningProgram, port: Int) {
        let program = try RunningProgram("openssl", ["s_server", "-accept", "127.0.0.1:0"] + arguments)
        _ = try await program.read(until: "ACCEPT 127.0.0.1:")
        let line = try await program.read(until: "\n")
        guard let port = Int(line.dropLast()) else { throw Failure(text: "no port in \(line)") }
        return (program, port)
    }
}
