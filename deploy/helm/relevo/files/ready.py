"""Are all services ready, and is the webhooks' door the right one?

Arguments: name and port of the admin ports, address of the webhooks. Ends with 1 and says which pod is not ready and
why, or what the door answered to a secret that nobody has.
"""

import socket
import sys
import urllib.error
import urllib.request


def status(request):
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()
    except OSError as failed:
        return 0, str(failed)


def main(admin, webhooks):
    host, _, port = admin.rpartition(":")
    addresses = sorted({found[4][0] for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})
    wrong = 0
    for address in addresses:
        shown = f"[{address}]" if ":" in address else address
        code, said = status(f"http://{shown}:{port}/ready")
        print(f"{shown}: {code} {said}")
        wrong += code != 200
    stranger = urllib.request.Request(f"{webhooks}/v1/webhooks/nobody", data=b"{}", method="POST")
    code, said = status(stranger)
    print(f"a stranger at the webhooks: {code} {said}")
    return int(bool(wrong or code != 404))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
