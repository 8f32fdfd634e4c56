import AddonProtocol
import FlyingFox

// Names that more than one imported module defines.

typealias JSONValue = AddonProtocol.JSONValue
/// A request of the page, not of a flow.
typealias HTTPRequest = FlyingFox.HTTPRequest
/// An answer to the page.
typealias HTTPResponse = FlyingFox.HTTPResponse
