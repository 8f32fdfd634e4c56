public import AddonProtocol
import Glibc

/// A process that proxyd calls at each event of the traffic.
///
/// An addon is a type that conforms to one small protocol for each event it wants, each with one method named after the
/// event: `RequestHandler` has `request(_:)`. The conformances are the subscriptions, so nothing is said twice, and the
/// compiler finds a missing or misspelt method. (A single protocol with empty default methods could not tell which of them
/// a type overrides, and a misspelt one would never be called.)
///
/// ```swift
/// @main struct AddHeader: RequestHandler {
///     let name = "add-header"
///     func request(_ flow: HTTPFlow) { flow.request.headers["x-proxyd"] = "hello" }
/// }
/// ```
///
/// Methods may be plain, `throws`, `async` or both. Several events are handled concurrently. A method runs on the thread
/// that reads the socket until it first suspends: it must not block, and should hand long computations to a task.
public protocol Addon: Sendable {
    /// 1 to 128 printable characters, by which the daemon's configuration and log know the addon.
    var name: String { get }
    var settings: AddonSettings { get }
    init() throws
}

/// How an addon registers; the defaults suit most addons.
public struct AddonSettings: Sendable {
    /// The addon's version, for people.
    public var version: String?
    /// The addon's place in the chain.
    public var order = Registration.Order()
    /// What happens to a flow when the addon fails; nil: the daemon's option decides.
    public var onFailure: FailurePolicy?
    /// How long the daemon waits for a reply. nil: the daemon's option decides; `.never`: without limit, if the daemon's
    /// option `allow_no_timeout` permits that.
    public var timeoutMilliseconds: ReplyTimeout?
    /// How many events may be handled concurrently.
    public var maxInFlight = 64
    /// Whether processes of the addon that were started by hand share the traffic instead of each getting all of it.
    /// Processes that proxyd started always share it.
    public var isPooled = false
    /// How much of the bodies snapshots contain. An addon that does not look at bodies is faster with `.none`.
    public var body = Subscription.Body.full
    /// Whether the addon subscribes to every event for which it has a method; otherwise only to `subscriptions`, and to what
    /// it requests later with the call `subscribe`.
    public var subscribesAsHandled = true
    /// Whether `content` is without its content coding (gzip, br, …), and new content is encoded again; false: it is as on the
    /// wire. Each of `subscriptions` decides that for itself.
    public var decodesContent = true
    /// Subscriptions that replace the default one for the same event.
    public var subscriptions: [Subscription] = []
    /// Options that the addon declares; their values arrive with `configure`.
    public var options: [DeclaredOption] = []
    /// Commands that others may call; the addon must be a `CommandHandler`.
    public var commands: [DeclaredCommand] = []

    /// The default settings.
    public init() {}
}

extension Addon {
    /// The default settings.
    public var settings: AddonSettings { AddonSettings() }

    /// Runs the addon as the whole program. If proxyd started it, it runs until the daemon ends it; otherwise until Ctrl-C or
    /// SIGTERM, when its `done` is called with the reason `leave`, and it takes leave of the daemon.
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
    /// An addon that proxyd started (`PROXYD_ADDON_TOKEN` is in the environment) returns when the daemon has sent `done` or
    /// closed the socket. Any other reconnects, after 25 ms at first and at most 2 s, until its task is cancelled. Then its
    /// `done` is called, for which it has 2 s.
    /// - Parameter socket: the path of the daemon's socket; nil: `PROXYD_ADDON_SOCKET` or the default path.
    /// - Throws: `ProtocolError` when the daemon refuses the addon, `SocketError` when the path is invalid, `AddonError`
    ///   when the settings ask for an event that has no handler.
    public func run(socket: String? = nil) async throws {
        try await AddonRunner(addon: self, path: socket ?? SocketPath.ofEnvironment()).run()
    }
}
