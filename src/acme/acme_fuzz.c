/* Answers of an authority, one after the other: a byte for the status, a byte for a field, two for
 * the length of the body, then the body. Whatever comes, each errand ends. */
#include "acme/acme.h"

#include "base/reader.h"
#include "crypto/signing_key.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char account[] = "-----BEGIN PRIVATE KEY-----\n"
			      "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggxQuNdgNUJufpbU2\n"
			      "Ky6L6fIK/Vwhujv5XaF+KURKtvOhRANCAAQ1GUwAwummf4FFHCMyIgoE4m2jC9IL\n"
			      "rEUMA3lzTR1U/uJIYNRMgvD8HLpbnG+NwIkOlexD9xfOQE0S73tWy/iT\n"
			      "-----END PRIVATE KEY-----\n";

static struct acme_answer next(struct reader *r, struct acme_field *field)
{
	static const unsigned statuses[] = {200, 201, 204, 302, 400, 404, 409, 429, 500, 503};
	static const char *const names[] = {"Location", "Retry-After", "Link", "Replay-Nonce"};
	struct acme_answer a = {
		.status = statuses[read_u8(r) % 10], .fields = field, .fields_n = 2};
	uint8_t which = read_u8(r);
	field[0] = (struct acme_field){span_text("Replay-Nonce"), span_text("abc")};
	field[1] = (struct acme_field){span_text(names[which % 4]), read_span(r, which >> 2)};
	if (which % 4 == 0 && field[1].value.len == 0)
		field[1].value = span_text("https://ca/l");
	a.body = read_span(r, read_u16(r));
	return a;
}

static void run(struct acme *a, struct reader *r)
{
	uint64_t now_ms = 1;
	struct acme_want want;
	struct acme_field fields[2];
	for (unsigned turn = 0; turn < 200; turn++) {
		enum acme_want_kind kind = acme_want(a, now_ms, &want);
		if (kind == ACME_WANT_NOTHING)
			return;
		if (kind == ACME_WANT_TIME) {
			now_ms = want.at_ms;
		} else if (kind == ACME_WANT_PROOF) {
			acme_shown(a, OK);
		} else if (reader_left(r) == 0) {
			acme_unanswered(a, ERR_CLOSED);
		} else {
			struct acme_answer answer = next(r, fields);
			acme_answer(a, now_ms, 1764000000, &answer);
		}
	}
	acme_stop(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"a.example", "b.example"};
	const struct acme_conf conf = {
		.directory = "https://ca/d", .account_key_pem = span_text(account), .chain = "x"};
	const struct acme_order order = {
		.names = names, .names_n = 2, .key_pem = span_text(account)};
	struct reader r = reader_of(data, size);
	struct acme *a = NULL;
	if (acme_new(&conf, &a) || acme_order(a, 0, &order))
		abort();
	run(a, &r);
	if (acme_result(a)->error == OK && acme_result(a)->chain_pem.len == 0)
		abort();
	acme_free(a);
	return 0;
}
