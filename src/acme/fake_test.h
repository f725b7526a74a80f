/* An authority for tests: answers each request as RFC 8555 says, or with the fault that a test asks
 * for. Knows only the one account and the one order. */
#ifndef ACME_FAKE_TEST_H
#define ACME_FAKE_TEST_H

#include "acme/acme.h"
#include "crypto/certificate.h"
#include "crypto/signing_key.h"

#define FAKE_ORIGIN "https://ca.example:14000"

struct fake {
	struct certificate authority, leaf; /* what it will have issued */
	char account_pem[SIGNING_KEY_PEM_MAX];
	struct signing_key *account;
	unsigned nonce;	       /* of the next answer */
	unsigned reject;       /* so many requests with badNonce */
	unsigned looks;	       /* "pending" or "processing" before it decides */
	unsigned names;	       /* authorizations of the order */
	bool asked[8], known;  /* known: the account is */
	bool renewal;	       /* it has renewal information */
	const char *alter_url; /* answer these requests with… */
	struct acme_answer alter;
	unsigned alter_n; /* …so many times */
	char body[65536], fields_text[8][512];
	struct acme_field fields[8];
	size_t fields_n;
	/* of the last POST */
	char protected[1024], payload[16384];
	unsigned posts, heads, orders, accounts;
};

void fake_init(struct fake *f);
void fake_done(struct fake *f);
/* The answer to what is wanted; good until the next. Fails the test when the request is not signed
 * as it should be. */
struct acme_answer fake_answer(struct fake *f, const struct acme_request *r);
/* A client of it that has the account's key. */
struct acme *fake_client(struct fake *f, const char *chain);
/* Runs the errand to its end, showing what is to be shown; the number of proofs. */
unsigned fake_run(struct fake *f, struct acme *a);

#endif
