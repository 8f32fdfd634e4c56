import Glibc

/// The cores on which a thread may run (`sched_setaffinity`, Linux). Threads and processes that it starts inherit them.
struct CoreSet: Equatable, Sendable {
    /// The size of glibc's `cpu_set_t`; threads of machines with more cores are not bound.
    private static let limit = 1024

    private var bits = [UInt](repeating: 0, count: limit / UInt.bitWidth)

    /// The calling thread's cores; nil when they are unknown.
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

    /// The core numbers, in order.
    var cores: [Int] {
        (0..<Self.limit).filter { bits[$0 / UInt.bitWidth] & 1 << ($0 % UInt.bitWidth) != 0 }
    }

    /// Binds the calling thread to these cores. Failure is harmless and ignored.
    func bindThread() {
        guard let set = Self.function("sched_setaffinity", as: SetAffinity.self) else { return }
        _ = bits.withUnsafeBytes { set(0, $0.count, $0.baseAddress) }
    }

    /// Runs `body` on the calling thread, bound to these cores for that time.
    func bound<Result>(_ body: () -> Result) -> Result {
        let own = Self.ofThread
        bindThread()
        defer { own?.bindThread() }
        return body()
    }

    private typealias GetAffinity = @convention(c) (pid_t, Int, UnsafeMutableRawPointer?) -> Int32
    private typealias SetAffinity = @convention(c) (pid_t, Int, UnsafeRawPointer?) -> Int32

    /// glibc declares both functions only with _GNU_SOURCE, so they are looked up by name.
    private static func function<Function>(_ name: String, as type: Function.Type) -> Function? {
        dlsym(nil, name).map { unsafeBitCast($0, to: type) }
    }
}

extension CoreSet {
    /// The cores that the daemon had at its start.
    static let ofDaemon = ofThread
}
