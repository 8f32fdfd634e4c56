import Foundation
import Glibc
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

#if !SANITIZE_THREAD
import Synchronization
#endif

/// Real shell commands, started as addons.
struct AddonProcessTests {
    /// What an addon did: its output lines in order, and how it ended.
    private struct Story {
        var lines: [String]
        var end: AddonProcess.ExitStatus

        /// The number that the first line ends with.
        var printedPID: pid_t? {
            lines.first?.split(separator: " ").last.flatMap { pid_t($0) }
        }
    }

    /// Starts the command, calls `act` for each line it prints, and waits until it ends.
    private func run(
        _ command: String,
        act: @escaping @Sendable (AddonProcess, String) -> Void = { _, _ in }
    ) async throws -> Story {
        let log = Log(verbosity: .error, writer: try OutputWriter())
        let (entries, feed) = AsyncStream<LogEntry>.makeStream()
        let end = Mutex<AddonProcess.ExitStatus?>(nil)
        log.setSink(atLeast: .debug) { feed.yield($0) }
        let spec = AddonSpec(name: "a", command: command)
        let process = try AddonProcess(spec, socketPath: "/s.sock", log: log, program: try proxyd()) { status in
            end.withLock { $0 = status }
            log.flush()
            feed.finish()
        }
        var lines: [String] = []
        for await entry in entries {
            lines.append("\(entry.source) \(entry.level) \(entry.msg)")
            act(process, entry.msg)
        }
        return Story(lines: lines, end: try #require(end.withLock { $0 }))
    }

    @Test func `lines become log entries`() async throws {
        let story = try await run(#"printf 'one\r\ntwo\n\nb\377d\nlast'; exit 3"#)
        #expect(
            story.lines == [
                "addon:a info one", "addon:a info two", "addon:a info ", "addon:a info b\u{fffd}d", "addon:a info last",
            ]
        )
        #expect(story.end == .exited(3))
    }

    @Test func `stderr is a warning`() async throws {
        #expect(try await run("echo oops >&2").lines == ["addon:a warn oops"])
    }

    @Test func `a signal is told`() async throws {
        #expect(try await run("kill -9 $$").end == .killed(signal: SIGKILL))
    }

    @Test func `a command that is not there ends with 127`() async throws {
        let story = try await run("exec /nonexistent/addon")
        #expect(story.end == .exited(127))
        #expect(story.lines.count == 1)
    }

    @Test func `the environment has socket and token, and each token is new`() async throws {
        let command = "echo $PROXYD_ADDON_SOCKET $PROXYD_ADDON_TOKEN"
        let first = try await run(command) { process, line in #expect(line == "/s.sock \(process.token)") }
        let second = try await run(command)
        #expect(first.lines.first?.wholeMatch(of: #/addon:a info /s.sock [0-9a-f]{32}/#) != nil)
        #expect(first.lines != second.lines)
    }

    @Test func `the child has three open files and a group that is not ours`() async throws {
        let inheritable = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(inheritable) }
        let story = try await run(
            """
            exec python3 -c '
            import os
            print(sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1])
            print(os.getpgid(0) == \(getpgrp()), os.read(0, 1))
            '
            """
        )
        #expect(story.lines == ["addon:a info [0, 1, 2]", "addon:a info False b''"])
    }

    @Test func `the child ignores and blocks no signal`() async throws {
        Glibc.signal(SIGUSR2, SIG_IGN)
        let mask = "$((0x$(sed -n 's/^%s:.//p' /proc/self/status) & 0x7fffffff))"
        let masks = ["SigBlk", "SigIgn"].map { mask.replacing("%s", with: $0) }
        #expect(try await run("echo \(masks.joined(separator: " "))").lines == ["addon:a info 0 0"])
    }

    @Test func `a long line comes in pieces`() async throws {
        let story = try await run("head -c 150000 /dev/zero | tr '\\0' x")
        #expect(story.lines.map { $0.count - "addon:a info ".count } == Array(repeating: 7_680, count: 19) + [4_080])
    }

    @Test func `a flood of output is read whole, and counted where it is not shown`() async throws {
        let story = try await run("seq 20000")
        let shown = story.lines.filter { $0.hasPrefix("addon:a info ") }
        let counts = story.lines.compactMap { $0.wholeMatch(of: #/addon:a warn (\d+) more entries left out.*/#)?.1 }
        #expect(shown.prefix(200) == (1...200).map { "addon:a info \($0)" }[...])
        #expect(shown.count + counts.compactMap { Int($0) }.reduce(0, +) == 20_000)
    }

    @Test func `terminate asks first`() async throws {
        let story = try await run("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done") {
            process,
            line in
            if line == "ready" { process.terminate() }
        }
        #expect(story.lines.filter { $0.contains(" info ") } == ["addon:a info ready", "addon:a info bye"])
        #expect(story.end == .exited(0))
    }

    @Test func `terminate lets a grandchild say its last words, too`() async throws {
        let command = """
            sh -c 'trap "sleep 0.2; echo late; exit 0" TERM; echo ready; while :; do sleep 0.01; done' ; true
            """
        let story = try await run(command) { process, line in
            if line == "ready" { process.terminate() }
        }
        #expect(story.lines.filter { $0.contains(" info ") } == ["addon:a info ready", "addon:a info late"])
        #expect(story.end == .killed(signal: SIGTERM))
    }

    @Test func `terminate kills who does not listen`() async throws {
        let story = try await run("trap '' TERM; echo ready; while :; do sleep 0.01; done") { process, line in
            if line == "ready" { process.terminate() }
        }
        #expect(story.end == .killed(signal: SIGKILL))
    }

    @Test(.timeLimit(.minutes(1)))
    func `whatever the command leaves behind ends with it`() async throws {
        let story = try await run("(trap '' TERM; sleep 1000) & echo $!")
        let left = try #require(story.printedPID)
        #expect(story.end == .exited(0))
        while isAlive(left) { await Task.yield() }
    }

    @Test func `a process with a session of its own ends with the addon, too`() async throws {
        let story = try await run("setsid sh -c 'trap \"\" TERM; echo $$; exec sleep 1000' & sleep 0.2")
        let escaped = try #require(story.printedPID)
        #expect(!isAlive(escaped))
        #expect(story.end == .exited(0))
    }

    @Test func `whoever kills the guard kills the addon's group`() async throws {
        let story = try await run("echo $$; exec sleep 1000") { process, _ in kill(process.pid, SIGKILL) }
        #expect(!isAlive(try #require(story.printedPID)))
        #expect(story.end == .killed(signal: SIGKILL))
    }

    @Test func `the addon and its children end when the daemon is gone`() async throws {
        let story = try await run("sleep 1000 & echo ready; sleep 1000") { process, line in
            if line == "ready" { process.guardian.release() }
        }
        #expect(story.end == .killed(signal: SIGTERM))
    }

    @Test func `no zombie stays`() async throws {
        _ = try await run("true") { process, _ in #expect(isAlive(process.pid)) }
        let story = try await run("echo $$")
        let pid = try #require(story.printedPID)
        #expect(kill(pid, 0) == -1 && errno == ESRCH)
    }
}

/// The program itself, which is built beside the tests.
private func proxyd() throws -> String {
    let bundle = try #require(CommandLine.arguments.first { $0.hasSuffix(".xctest") })
    return URL(filePath: bundle).deletingLastPathComponent().appending(path: "proxyd").path
}

/// Whether the process exists and is not a zombie.
private func isAlive(_ pid: pid_t) -> Bool {
    guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
    return stat.split(separator: ") ").last?.hasPrefix("Z") == false
}

struct AddonProcessLinesTests {
    @Test func `lines come out the same, however they are cut`() {
        let text = Array("one\ntwo\r\n\nthrée\nrest".utf8)
        for cut in 0...text.count {
            var lines = AddonProcessLines()
            var result = lines.append(text[..<cut]) + lines.append(text[cut...])
            result += lines.finish().map { [$0] } ?? []
            #expect(result == ["one", "two", "", "thrée", "rest"])
        }
    }

    @Test func `nothing more than what was written`() {
        var lines = AddonProcessLines()
        #expect(lines.append(Array("a\n".utf8)) == ["a"])
        #expect(lines.finish() == nil)
    }
}

struct RestartBackoffTests {
    @Test func `doubles up to a minute, and starts anew after a good minute`() {
        var backoff = RestartBackoff()
        let quick = (0..<8).map { _ in backoff.delay(afterUptime: .milliseconds(5)) }
        #expect(quick == [1, 2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
        #expect(backoff.delay(afterUptime: .seconds(59)) == .seconds(60))
        #expect(backoff.delay(afterUptime: .seconds(60)) == .seconds(1))
        #expect(backoff.delay(afterUptime: .zero) == .seconds(2))
    }
}
