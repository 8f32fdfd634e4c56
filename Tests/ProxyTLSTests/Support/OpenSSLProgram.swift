import Foundation
import Synchronization

/// The `openssl` program, as the other side of what is tested.
enum OpenSSLProgram {
    struct Output {
        let status: Int32
        let text: String
    }

    /// Runs it to its end. `input` is all that it reads; standard output and error come in one text.
    static func run(_ arguments: String..., input: String = "") async throws -> Output {
        let program = try Running(arguments)
        program.send(input)
        program.endInput()
        let text = await program.readToEnd()
        return Output(status: program.waitForExit(), text: text)
    }

    /// `openssl s_server` on a free port of its own choice.
    static func server(_ arguments: String...) async throws -> (Running, port: Int) {
        let program = try Running(["s_server", "-accept", "127.0.0.1:0"] + arguments)
        _ = try await program.read(until: "ACCEPT 127.0.0.1:")
        let port = try await program.read(until: "\n")
        guard let port = Int(port.dropLast()) else { throw Failure(text: "no port in \(port)") }
        return (program, port)
    }

    struct Failure: Error {
        let text: String
    }
}

/// A process with its standard input and output.
final class Running: Sendable {
    private let process: Process
    private let input = Pipe()
    private let output = Pipe()
    private let unread = Mutex("")
    private let chunks: AsyncStream<Data>

    init(_ arguments: [String]) throws {
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        let (chunks, continuation) = AsyncStream.makeStream(of: Data.self)
        self.chunks = chunks
        output.fileHandleForReading.readabilityHandler = { handle in
            let data = handle.availableData
            guard data.isEmpty else {
                continuation.yield(data)
                return
            }
            handle.readabilityHandler = nil
            continuation.finish()
        }
        try process.run()
    }

    deinit { if process.isRunning { process.terminate() } }

    func send(_ text: String) {
        try? input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
    }

    func endInput() {
        try? input.fileHandleForWriting.close()
    }

    func stop() {
        process.terminate()
    }

    func waitForExit() -> Int32 {
        process.waitUntilExit()
        return process.terminationStatus
    }

    func readToEnd() async -> String {
        for await chunk in chunks { append(chunk) }
        return unread.withLock { $0 }
    }

    /// What comes up to and with `mark`.
    func read(until mark: String) async throws -> String {
        if let found = take(mark) { return found }
        for await chunk in chunks {
            append(chunk)
            if let found = take(mark) { return found }
        }
        throw OpenSSLProgram.Failure(text: "ended without \"\(mark)\": \(unread.withLock { $0 })")
    }

    private func append(_ chunk: Data) {
        unread.withLock { $0 += String(decoding: chunk, as: UTF8.self) }
    }

    private func take(_ mark: String) -> String? {
        unread.withLock { text in
            guard let range = text.range(of: mark) else { return nil }
            defer { text = String(text[range.upperBound...]) }
            return String(text[..<range.upperBound])
        }
    }
}
