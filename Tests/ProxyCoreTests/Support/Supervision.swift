import NIOCore
import NIOEmbedded
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// A supervisor of real processes whose clock the test has in its hands.
final class Supervision: Sendable {
    let supervisor: AddonSupervisor
    let tokens = AddonTokens()
    private let timers = NIOAsyncTestingEventLoop()
    private let notes: AsyncStream<String>

    /// - Parameters:
    ///   - program: what is started in place of proxyd.
    ///   - patience: `addon_start_timeout`.
    init(log: Log, program: String? = nil, patience: Int = 1_000_000) throws {
        let (notes, feed) = AsyncStream<String>.makeStream()
        self.notes = notes
        supervisor = AddonSupervisor(
            socketPath: "/s.sock",
            tokens: tokens,
            timers: timers,
            options: OptionStore(.with { $0.addonStartTimeout = patience }),
            log: log,
            program: try program ?? AddonStory.proxyd()
        ) { absence, reason, name in
            feed.yield("\(name) \(absence.rawValue)\(reason.map { ": \($0)" } ?? "")")
        }
    }

    /// What next becomes of a process.
    func next() async -> String {
        for await note in notes { return note }
        return "nothing"
    }

    /// The same, while time goes by until it comes.
    func nextInTime() async -> String {
        let clock = Task { [timers] in
            while !Task.isCancelled {
                await timers.advanceTime(by: .seconds(1))
                await Task.yield()
            }
        }
        defer { clock.cancel() }
        return await next()
    }

    func advance(by time: TimeAmount) async { await timers.advanceTime(by: time) }

    /// Has these addons run, and starts those that are to be started.
    @discardableResult
    func run(_ specs: AddonSpec...) -> [AddonProcess] {
        let (ending, starting) = supervisor.change(to: specs, without: [])
        for spec in starting { supervisor.start(spec) }
        return ending
    }

    /// Ends all processes.
    func end() async {
        supervisor.stop()
        await supervisor.waitUntilEnded()
    }
}
