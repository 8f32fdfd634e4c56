import Glibc

/// The cores on which a thread may run (`sched_setaffinity`, Linux). Threads and processes that it starts get the same.
struct CoreSet: Equatable, Sendable {
    /// As many as glibc's `cpu_set_t` has; machines with more cores are left to the scheduler.
    private static let limit = 1024

    private var bits = [UInt](repeating: 0, count: limit / UInt.bitWidth)

    /// What the calling thread has; nil when that cannot be found out.
    static var ofThread: CoreSet? {
        var set = CoreSet()
        guard let get = function("sched_getaffinity", as: GetAffinity.self) else { return nil }
        let result = set.bits.withUnsafeMutableBytes { get(0, $0.count, $0.baseAddress) }
        return result < 0 ? nil : set
    }

    private init() {}

    init(core: Int) {
        bits[core / UInt.bitWidth] |= 1 << (core % UInt.bitWidth)
    }

    /// The numbers of the cores, in order.
    var cores: [Int] {
        (0..<Self.limit).filter { bits[$0 / UInt.bitWidth] & 1 << ($0 % UInt.bitWidth) != 0 }
    }

    /// Binds the calling thread to these cores; that it cannot be done does no harm.
    func bindThread() {
        guard let set = Self.function("sched_setaffinity", as: SetAffinity.self) else { return }
        _ = bits.withUnsafeBytes { set(0, $0.count, $0.baseAddress) }
    }

    /// Runs `body` on a thread that may use these cores meanwhile.
    func bound<Result>(_ body: () -> Result) -> Result {
        let own = Self.ofThread
        bindThread()
        defer { own?.bindThread() }
        return body()
    }

    private typealias GetAffinity = @convention(c) (pid_t, Int, UnsafeMutableRawPointer?) -> Int32
    private typealias SetAffinity = @convention(c) (pid_t, Int, UnsafeRawPointer?) -> Int32

    /// glibc declares both for C programs with _GNU_SOURCE only, so they are looked up by name.
    private static func function<Function>(_ name: String, as type: Function.Type) -> Function? {
        dlsym(nil, name).map { unsafeBitCast($0, to: type) }
    }
}

extension CoreSet {
    /// What the daemon was given at its start.
    static let ofDaemon = ofThread
}
