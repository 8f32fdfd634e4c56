import Foundation
import Glibc

/// The command `proxyd keep-addon`: starts an addon, and makes sure that all its processes end with it.
///
/// As a subreaper (PR_SET_CHILD_SUBREAPER, prctl(2)), it becomes the parent of every descendant whose own parent has
/// ended, even in another session. So it finds all of them below it, and none is left once it has no children.
package struct AddonKeeper {
    static let command = "keep-addon"

    private let child: pid_t
    private var status: AddonProcess.ExitStatus?
    /// When to kill what has not ended.
    private var deadline: ContinuousClock.Instant?

    /// Runs this command or `AddonLaunch`, if the arguments ask for it; does not return in that case.
    package static func runIfAsked(_ arguments: [String] = CommandLine.arguments) {
        guard arguments.count == 3, [command, AddonLaunch.command].contains(arguments[1]) else { return }
        do throws(FileError) {
            guard let spec = AddonSpec(processText: arguments[2]) else { throw FileError(reason: "not for people") }
            if arguments[1] == AddonLaunch.command { try AddonLaunch.run(spec) }
            try becomeSubreaper()
            holdSignals()
            var keeper = try AddonKeeper(spec)
            keeper.keep()
        } catch {
            try? FileHandle.standardError.write(contentsOf: Data("proxyd: \(error)\n".utf8))
            exit(126)
        }
    }

    private init(_ spec: AddonSpec) throws(FileError) {
        // From now on, its own standard streams belong to the addon.
        let spawn = AddonProcessSpawn(
            program: AddonLaunch.program(spec),
            arguments: AddonLaunch.arguments(spec),
            environment: ProcessInfo.processInfo.environment.map { "\($0)=\($1)" },
            streams: [nil, OwnedFile(1), OwnedFile(2)],
            group: getpgrp()
        )
        child = try spawn.start()
        Self.watchLifeline()
    }

    /// Waits until the addon and all of its descendants have ended, then ends with the addon's status.
    private mutating func keep() -> Never {
        while true {
            let signal = nextSignal()
            if reap() { end() }
            if signal == SIGTERM { beginEnd() }
            guard let deadline, deadline <= .now else { continue }
            for process in Self.descendants() { kill(process, SIGKILL) }
            self.deadline = .now + .milliseconds(20)
        }
    }

    /// - Returns: whether no child is left.
    private mutating func reap() -> Bool {
        while true {
            var code: Int32 = 0
            let process = waitpid(-1, &code, WNOHANG)
            if process == child {
                status = AddonProcess.ExitStatus(code)
                beginEnd()
            }
            guard process <= 0 else { continue }
            return process < 0 && errno == ECHILD
        }
    }

    private mutating func beginEnd() {
        guard deadline == nil else { return }
        deadline = .now + .milliseconds(AddonProcess.grace)
        for process in Self.descendants() { kill(process, SIGTERM) }
    }

    private func end() -> Never {
        switch status {
        case .exited(let code): exit(code)
        case .killed(let signal): Self.die(of: signal)
        case nil: exit(126)
        }
    }

    private static func die(of number: Int32) -> Never {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        signal(number, SIG_DFL)
        var signals = sigset_t()
        sigfillset(&signals)
        sigprocmask(SIG_UNBLOCK, &signals, nil)
        kill(getpid(), number)
        exit(128 + number)
    }

    // MARK: Signals

    private static var held: sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGCHLD)
        sigaddset(&signals, SIGTERM)
        return signals
    }

    private static func holdSignals() {
        var signals = held
        sigprocmask(SIG_BLOCK, &signals, nil)
        for number in [SIGHUP, SIGINT, SIGPIPE] { signal(number, SIG_IGN) }
    }

    /// The next of the blocked signals; 0 at the deadline.
    private func nextSignal() -> Int32 {
        var signals = Self.held
        guard let deadline else { return max(0, sigwaitinfo(&signals, nil)) }
        let wait = max(.zero, deadline - .now).components
        var time = timespec(tv_sec: Int(wait.seconds), tv_nsec: Int(wait.attoseconds / 1_000_000_000))
        return max(0, sigtimedwait(&signals, nil, &time))
    }

    /// The end of stdin means that the daemon wants the addon to end, or has ended itself.
    private static func watchLifeline() {
        let thread = Thread {
            var byte: UInt8 = 0
            while read(0, &byte, 1) != 0 {}
            kill(getpid(), SIGTERM)
        }
        thread.start()
    }

    // MARK: Descendants

    private typealias Prctl = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32

    private static func becomeSubreaper() throws(FileError) {
        let (setName, setChildSubreaper): (Int32, Int32) = (15, 36)
        // Swift cannot call variadic C functions.
        let prctl = dlsym(nil, "prctl").map { unsafeBitCast($0, to: Prctl.self) }
        guard let prctl, prctl(setChildSubreaper, 1, 0, 0, 0) == 0 else { throw FileError("cannot become a subreaper") }
        // Otherwise the process would be named after /proc/self/exe.
        "proxyd".withCString { _ = prctl(setName, UInt(bitPattern: $0), 0, 0, 0) }
    }

    /// All processes below this one.
    private static func descendants() -> [pid_t] {
        var children: [pid_t: [pid_t]] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let process = pid_t(name), let parent = parent(of: process) else { continue }
            children[parent, default: []].append(process)
        }
        var found: [pid_t] = []
        var open = [getpid()]
        while let process = open.popLast() {
            let own = children[process] ?? []
            found += own
            open += own
        }
        return found
    }

    /// The fourth field of /proc/PID/stat (proc(5)). The second is a name in parentheses, which may contain anything.
    private static func parent(of process: pid_t) -> pid_t? {
        guard let stat = try? readWholeFile("/proc/\(process)/stat", limit: 4096) else { return nil }
        let fields = String(decoding: stat, as: UTF8.self).split(separator: ")").last?.split(separator: " ")
        guard let fields, fields.count > 1 else { return nil }
        return pid_t(fields[1])
    }
}
