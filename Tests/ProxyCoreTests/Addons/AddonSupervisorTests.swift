import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

#if !SANITIZE_THREAD
import Synchronization
#endif

struct AddonSupervisorTests {
    private let log: Log
    private let warnings = Warnings()

    private final class Warnings: Sendable {
        let all = Mutex<[String]>([])
    }

    init() throws {
        log = Log(verbosity: .error, writer: try OutputWriter())
        log.setSink(atLeast: .warn) { [warnings] entry in warnings.all.withLock { $0.append(entry.msg) } }
    }

    private func spec(_ command: String, name: String = "a") -> AddonSpec { AddonSpec(name: name, command: command) }

    @Test func `an addon that exits is started again, later each time`() async throws {
        let supervision = try Supervision(log: log)
        supervision.run(spec("exit 3"))
        var notes = [await supervision.next(), await supervision.next()]
        notes += [await supervision.nextInTime(), await supervision.next()]
        notes += [await supervision.nextInTime(), await supervision.next()]
        #expect(notes == Array(repeating: ["a starting", "a away: ended with exit code 3"], count: 3).flatMap(\.self))
        log.flush()
        let said = warnings.all.withLock { $0 }
        #expect(
            said.prefix(2) == [
                "ended with exit code 3; restarting in 1 s", "ended with exit code 3; restarting in 2 s",
            ]
        )
        await supervision.end()
    }

    @Test func `its token is good while it runs`() async throws {
        let supervision = try Supervision(log: log)
        let running = spec("echo $PROXYD_ADDON_TOKEN; exec sleep 1000")
        supervision.run(running)
        #expect(await supervision.next() == "a starting")
        #expect(supervision.supervisor.has("a") && !supervision.supervisor.has("b"))
        let processes = supervision.supervisor.expectReload("a")
        let token = try #require(processes.first?.token)
        #expect(processes.count == 1 && supervision.tokens.isExpected(token))
        supervision.supervisor.terminate(processes)
        #expect(!supervision.tokens.isExpected(token))
        #expect(await supervision.next() == "a away: reload")
        #expect(await supervision.nextInTime() == "a starting", "it is started anew at once")
        await supervision.end()
        #expect(await supervision.next().hasPrefix("a away"))
    }

    @Test func `one that does not come to the socket in time is ended, and started again`() async throws {
        let supervision = try Supervision(log: log, patience: 5)
        supervision.run(spec("exec sleep 1000"))
        #expect(await supervision.next() == "a starting")
        await supervision.advance(by: .seconds(5))
        #expect(await supervision.next() == "a away: has not connected within addon_start_timeout (5 s)")
        #expect(await supervision.nextInTime() == "a starting")
        await supervision.end()
    }

    @Test func `one that has come is not ended`() async throws {
        let supervision = try Supervision(log: log, patience: 5)
        supervision.run(spec("exec sleep 1000"))
        #expect(await supervision.next() == "a starting")
        let process = try #require(supervision.supervisor.expectReload("a").first)
        #expect(supervision.tokens.redeem(process.token)?.name == "a")
        await supervision.advance(by: .seconds(5))
        #expect(isAlive(process.pid))
        log.flush()
        #expect(warnings.all.withLock { $0 } == [])
        await supervision.end()
    }

    @Test func `one that cannot be made is tried again`() async throws {
        let supervision = try Supervision(log: log, program: "/nonexistent/proxyd")
        supervision.run(spec("true"))
        let failure = "a away: cannot be started: cannot run /nonexistent/proxyd: No such file or directory"
        #expect(await supervision.next() == failure)
        #expect(await supervision.nextInTime() == failure)
        await supervision.end()
    }

    @Test func `another entry takes the place of the former when its process has ended`() async throws {
        let supervision = try Supervision(log: log)
        supervision.run(spec("exec sleep 1000"))
        #expect(await supervision.next() == "a starting")
        let ending = supervision.run(spec("exec sleep 1001"))
        #expect(ending.count == 1 && isAlive(ending[0].pid))
        supervision.supervisor.terminate(ending)
        #expect(await supervision.next() == "a away: reload")
        #expect(await supervision.nextInTime() == "a starting")
        await supervision.end()
    }

    @Test func `one that is forgotten goes on, and is not started again`() async throws {
        let supervision = try Supervision(log: log)
        supervision.run(spec("exec sleep 1000"), spec("exec sleep 1000", name: "b"))
        let names = [await supervision.next(), await supervision.next()]
        #expect(names.sorted() == ["a starting", "b starting"])
        let processes = supervision.supervisor.forget("a")
        #expect(processes.count == 1 && isAlive(processes[0].pid) && !supervision.supervisor.has("a"))
        supervision.supervisor.terminate(processes)
        #expect(await supervision.next().hasPrefix("a away: was killed by signal 15"))
        #expect(supervision.supervisor.has("b"))
        await supervision.end()
        #expect(await supervision.next().hasPrefix("b away"), "nothing was started in between")
    }

    @Test func `of a pool each process is known by its group`() async throws {
        let supervision = try Supervision(log: log)
        let pool = try #require(AddonSpec(parsing: "shop*2=exec sleep 1000"))
        supervision.run(pool)
        let names = [await supervision.next(), await supervision.next()]
        #expect(names.sorted() == ["shop starting", "shop#2 starting"].sorted())
        let processes = supervision.supervisor.expectReload("shop")
        #expect(processes.count == 2 && Set(processes.map(\.pid)).count == 2)
        #expect(processes.allSatisfy { supervision.supervisor.pool(ofGroup: $0.pid) == "shop" })
        #expect(supervision.supervisor.pool(ofGroup: 1) == nil)
        await supervision.end()
    }

    @Test func `once it stops nothing is started any more`() async throws {
        let supervision = try Supervision(log: log)
        await supervision.end()
        supervision.run(spec("true"))
        await supervision.supervisor.waitUntilEnded()
        #expect(supervision.supervisor.expectReload("a").isEmpty)
    }
}
