import Synchronization

/// Lets one after another do something, in the order in which they come.
final class Turns: Sendable {
    private let last = Mutex<Task<Void, Never>?>(nil)

    /// - Parameter rest: what belongs to the turn, and is not waited for by who takes it.
    func take<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () async throws(Failure) -> Value,
        then rest: @escaping @Sendable () async -> Void = {}
    ) async throws(Failure) -> Value {
        let turn = last.withLock { last in
            let turn = Task { [former = last] in
                await former?.value
                return await Self.result(of: body)
            }
            last = Task {
                _ = await turn.value
                await rest()
            }
            return turn
        }
        return try await turn.value.get()
    }

    private static func result<Value, Failure: Error>(
        of body: () async throws(Failure) -> Value
    ) async -> Result<Value, Failure> {
        do throws(Failure) { return .success(try await body()) } catch { return .failure(error) }
    }
}
