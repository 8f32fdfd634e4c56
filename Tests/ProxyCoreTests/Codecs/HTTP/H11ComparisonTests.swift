import Foundation
import Testing

@testable import FuzzTargets
@testable import ProxyCodecs
@testable import ProxyCore

/// The samples in h11, a parser in Python: the same verdict and body, except for intended differences.
@Suite struct H11ComparisonTests {
    @Test(.enabled(if: H11.isInstalled, "python3 has no module h11 (pip install h11)"))
    func agrees() throws {
        let theirs = try H11.verdicts(of: Sample.all)
        try #require(theirs.count == Sample.all.count)
        for (sample, theirs) in zip(Sample.all, theirs) {
            let ours = Verdict(Transcript.of(sample.bytes, from: sample.side).firstResult)
            if let reason = Difference.fromH11[sample.name] {
                #expect(theirs != ours, "\(sample.name): no difference any more, though listed: \(reason)")
            } else {
                #expect(theirs == ours, "\(sample.name)")
            }
        }
    }

    @Test func listedDifferencesAreSamples() {
        #expect(Set(Difference.fromH11.keys).isSubset(of: Sample.all.map(\.name)))
    }
}

/// h11 in a Python process: lines `side method hex` in, lines `body hex`, `refused` or `incomplete` out.
private enum H11 {
    static let isInstalled = (try? run("import h11", input: ""))?.status == 0

    static func verdicts(of samples: [Sample]) throws -> [Verdict] {
        let lines = samples.map { sample in
            let (side, method) =
                switch sample.side {
                case .client: ("client", "-")
                case .server(let method): ("server", method)
                }
            return "\(side) \(method) \(sample.bytes.map(hexadecimal).joined())\n"
        }
        let (status, output) = try run(script, input: lines.joined())
        try #require(status == 0)
        return output.split(separator: "\n").map { line in
            let words = line.split(separator: " ")
            switch words.first {
            case "body": return .body(text(bytes(inHexadecimal: words.count > 1 ? words[1] : "")))
            case "refused": return .refused
            default: return .incomplete
            }
        }
    }

    private static func bytes(inHexadecimal digits: Substring) -> [UInt8] {
        let digits = Array(digits.utf8)
        return stride(from: 0, to: digits.count - 1, by: 2).compactMap { index in
            UInt8(String(decoding: digits[index...(index + 1)], as: UTF8.self), radix: 16)
        }
    }

    private static func run(_ script: String, input: String) throws -> (status: Int32, output: String) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("input")
        try Data(input.utf8).write(to: file)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script]
        process.standardInput = try FileHandle(forReadingFrom: file)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }

    private static let script = """
        import sys, h11

        def verdict(side, method, data):
            if side == "client":
                connection = h11.Connection(our_role=h11.SERVER, max_incomplete_event_size=65536)
            else:
                connection = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=65536)
                target = "a:443" if method == "CONNECT" else "/"
                headers = [("Host", "a"), ("Connection", "upgrade"), ("Upgrade", "x")]
                connection.send(h11.Request(method=method, target=target, headers=headers))
                connection.send(h11.EndOfMessage())
            body = b""
            try:
                connection.receive_data(data)
                closed = False
                while True:
                    event = connection.next_event()
                    if event is h11.NEED_DATA:
                        if closed: return "incomplete"
                        closed = True
                        connection.receive_data(b"")
                    elif isinstance(event, h11.Data):
                        body += event.data
                    elif isinstance(event, h11.EndOfMessage):
                        return "body " + body.hex()
                    elif event is h11.PAUSED:
                        return "body " + body.hex()
                    elif isinstance(event, h11.ConnectionClosed):
                        return "incomplete"
            except h11.RemoteProtocolError as error:
                text = str(error)
                return "incomplete" if closed and ("without sending" in text or "closed" in text or "incomplete" in text) else "refused"

        for line in sys.stdin:
            words = line.split()
            print(verdict(words[0], words[1], bytes.fromhex(words[2] if len(words) > 2 else "")))
        """
}
