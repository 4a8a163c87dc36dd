import AsyncHTTPClient
import BatonCore
import BatonLinux
import NIOCore
import NIOHTTP1

/// Where the Kubernetes API is, and who asks: by the environment and the files that kubelet gives to every container.
struct API: Sendable {
    private let base: String?
    private let account: String
    /// A stream without a byte for this long is dead.
    private let silence: TimeAmount

    struct Unusable: Error { let reason: String }

    /// etcd's own limit for an object is 1.5 MiB; JSON and managed fields make it longer.
    static let sizeLimit = 8 << 20

    init(_ settings: Settings, _ environment: [EnvironmentVariable]) {
        func value(_ name: String) -> String? { environment.last { $0.name == name }?.value }
        account = settings.serviceAccount
        silence = .nanoseconds(settings.apiSilence.nanoseconds)
        if let host = value("KUBERNETES_SERVICE_HOST"), !host.isEmpty {
            let port = value("KUBERNETES_SERVICE_PORT") ?? "443"
            base = "https://\(host.contains(":") ? "[\(host)]" : host):\(port)"
        } else {
            base = nil
        }
    }

    var namespace: String? {
        (try? readSmallFile(account + "/namespace", limit: 1024)).map(firstLine)
    }

    /// A connection of its own for each request: kubelet renews the token, clusters change their CA.
    func client() throws(Unusable) -> HTTPClient {
        guard base != nil else {
            throw Unusable(
                reason:
                    "KUBERNETES_SERVICE_HOST is not set: Baton does not run in a Pod, or its environment was cleared")
        }
        do {
            return try makeClient(
                redirects: .disallow, timeout: .init(connect: .seconds(10), read: silence),
                trusting: account + "/ca.crt")
        } catch {
            throw Unusable(
                reason: "\(account)/ca.crt does not contain readable certificates: check automountServiceAccountToken")
        }
    }

    func request(_ path: String, _ query: [(String, String)]) throws(Unusable) -> HTTPClientRequest {
        guard let token = try? readSmallFile(account + "/token", limit: 64 * 1024) else {
            throw Unusable(reason: "\(account)/token cannot be read: check automountServiceAccountToken")
        }
        var text = (base ?? "") + path
        if !query.isEmpty {
            text += "?" + query.map { "\($0.0)=\(percentEncoded($0.1))" }.joined(separator: "&")
        }
        var request = HTTPClientRequest(url: text)
        request.headers = headers(token: token)
        request.headers.add(name: "Accept", value: "application/json")
        return request
    }
}

/// For a value in a query (RFC 3986).
private func percentEncoded(_ text: String) -> String {
    text.utf8.reduce(into: "") { encoded, byte in
        let scalar = Unicode.Scalar(byte)
        if scalar.properties.isAlphabetic && scalar.isASCII || (48...57).contains(byte)
            || "-._~".unicodeScalars.contains(scalar)
        {
            encoded.unicodeScalars.append(scalar)
        } else {
            encoded += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
    }
}
