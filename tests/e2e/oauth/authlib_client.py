"""What an application written with Authlib and requests does with the server. Its parts are chosen by `part` in the settings."""

import json
import sys

from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

settings = json.loads(sys.argv[1])


def say(what):
    print(json.dumps(what), flush=True)


def ask(what):
    say(what)
    return sys.stdin.readline().strip()


issuer = settings["issuer"]
found = OAuth2Session().get(f"{issuer}/.well-known/oauth-authorization-server", withhold_token=True).json()


def session(method=None, **more):
    return OAuth2Session(
        settings["client_id"],
        settings.get("client_secret"),
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        redirect_uri=settings["redirect_uri"],
        code_challenge_method="S256",
        token_endpoint=found["token_endpoint"],
        **more,
    )


def logged_on(application):
    verifier = generate_token(64)
    address, state = application.create_authorization_url(found["authorization_endpoint"], code_verifier=verifier)
    callback = ask({"visit": address})
    application.fetch_token(authorization_response=callback, state=state, code_verifier=verifier)
    return dict(application.token)


def refusal(call):
    try:
        call()
    except OAuthError as refused:
        return refused.error
    raise AssertionError("the server should have refused")


def api(application):
    return application.get(f"{issuer}/api/v1/requests").status_code


def code():
    application = session()
    token = logged_on(application)
    return {"token": token, "status": api(application)}


def whole():
    """Everything with one way of authentication: a code, a refresh, a wrong secret, the end."""
    answers = {}
    for method in settings["methods"]:
        application = session(method)
        first = logged_on(application)
        status = api(application)
        second = dict(application.refresh_token())
        refreshed = api(application)
        wrong = None
        if method != "none":
            thief = OAuth2Session(settings["client_id"], "wrong", token_endpoint_auth_method=method)
            wrong = refusal(lambda: thief.refresh_token(found["token_endpoint"], refresh_token=second["refresh_token"]))
        revoked = application.revoke_token(found["revocation_endpoint"], token=second["refresh_token"]).status_code
        over = refusal(lambda: application.refresh_token(refresh_token=second["refresh_token"]))
        answers[method] = {
            "first": first,
            "status": status,
            "second": second,
            "refreshed": refreshed,
            "wrong": wrong,
            "revoked": revoked,
            "over": over,
            "after": api(application),
        }
    return answers


say({"done": {"code": code, "whole": whole}[settings["part"]]()})
