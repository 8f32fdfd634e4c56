public import AddonProtocol
import Glibc

/// A process that proxyd calls at each event of the traffic.
///
/// An addon is a type that conforms to one small protocol for each event it wants, each with one method named as the
/// event: `RequestHandler` has `request(_:)`. What a type conforms to is what it subscribes to, so that nothing is said
/// twice, and the compiler finds a missing or misspelt method. (A single protocol with empty default methods could not
/// tell which of them a type overrides, and a misspelt one would never be called.)
///
/// ```swift
/// @main struct AddHeader: RequestHandler {
///     let name = "add-header"
///     func request(_ flow: HTTPFlow) { flow.request.headers["x-proxyd"] = "hello" }
/// }
/// ```
///
/// Methods may be plain, `throws`, `async` or both. Several events run at the same time. A method runs on the thread
/// that reads the socket until it first suspends: it must not block, and should give long computations to a task.
public protocol Addon: Sendable {
    /// 1 to 128 printable characters, by which the daemon's configuration and log know the addon.
    var name: String { get }
    var settings: AddonSettings { get }
    init() throws
}

/// How an addon is registered; the defaults suit most.
public struct AddonSettings: Sendable {
    public var version: String?
    public var order = Registration.Order()
    /// nil: the daemon's option.
    public var onFailure: FailurePolicy?
    /// How long the daemon waits for a reply. nil: the daemon's option; `.never`: as long as it takes, where the daemon's
    /// option `allow_no_timeout` permits that.
    public var timeoutMilliseconds: ReplyTimeout?
    /// How many events are handled at the same time.
    public var maxInFlight = 64
    /// Whether processes of the addon that are started by hand divide the traffic among them, rather than each getting all
    /// of it. Those that proxyd starts always do.
    public var isPooled = false
    /// How much of bodies the snapshots have. An addon that does not look at them is faster with `.none`.
    public var body = Subscription.Body.full
    /// Whether it is subscribed to every event that it has a method for; else to `subscriptions` alone, and to what it asks for
    /// later by the call `subscribe`.
    public var subscribesAsHandled = true
    /// Whether `content` is without its content coding (gzip, br, …), and what is set is coded again; false: it is as on the
    /// wire. `subscriptions` say that each for itself.
    public var decodesContent = true
    /// Takes the place of the default subscription for the same event.
    public var subscriptions: [Subscription] = []
    /// Options of the addon's own, which come with `configure`.
    public var options: [DeclaredOption] = []
    /// What others may call; the addon must be a `CommandHandler`.
    public var commands: [DeclaredCommand] = []

    public init() {}
}

extension Addon {
    public var settings: AddonSettings { AddonSettings() }

    /// Runs the addon as the whole program: until the daemon ends it when proxyd started it, else until Ctrl-C or SIGTERM,
    /// on which its `done` is called with the reason `leave`, and it says goodbye to the daemon.
    @concurrent
    public static func main() async {
        do {
            let addon = try Self()
            let running = Task { try await addon.run() }
            let signals = StopSignals { running.cancel() }
            defer { signals.end() }
            try await running.value
        } catch {
            Diagnostics.write("\(error)")
            exit(1)
        }
    }

    /// Connects and handles events.
    ///
    /// An addon that proxyd started (`PROXYD_ADDON_TOKEN` is in the environment) returns when the daemon has said
    /// `done` or closed the socket. Another one connects again, after 25 ms at first and 2 s at most, until its task is
    /// cancelled: then its `done` is called, for which it has 2 s.
    /// - Parameter socket: the path of the daemon's socket; nil: `PROXYD_ADDON_SOCKET` or the default path.
    /// - Throws: `ProtocolError` when the daemon refuses the addon, `SocketError` when the path cannot be one, `AddonError`
    ///   when its settings ask for what it has no handler for.
    public func run(socket: String? = nil) async throws {
        try await AddonRunner(addon: self, path: socket ?? SocketPath.ofEnvironment()).run()
    }
}
