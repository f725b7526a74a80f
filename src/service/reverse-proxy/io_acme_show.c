/* Proofs on their way to where an authority looks: the workers, other gateways, the DNS. */
#include "os/clock.h"
#include "os/log.h"
#include "proto/dns/code.h"
#include "service/reverse-proxy/io_acme_inner.h"

/* It can be seen, or not. */
static void shown(struct acme_authority *u, enum err e)
{
	u->showing = false;
	acme_shown(u->engine, e);
}

/* Others that may be asked in our place have it by now. */
static void waited(void *arg)
{
	struct acme_authority *u = arg;
	if (!u->showing)
		return;
	shown(u, OK);
	acme_authority_step(u);
}

static void wait(struct acme_authority *u, uint64_t ms)
{
	loop_timer_init(&u->timer, waited, u);
	loop_timer_set_after(&u->of->loop, &u->timer, ms);
}

static void dns_done(void *arg, enum err why, uint16_t rcode)
{
	struct acme_authority *u = arg;
	char text[DNS_CODE_TEXT_MAX];
	if (why)
		log_warning(u->removing ? "the record of a proof could not be removed from the DNS"
					: "the record of a proof could not be written to the DNS",
			    LOG_TEXT("name", u->shown.name),
			    LOG_ENDPOINT("server", &u->conf->dns.server),
			    LOG_TEXT("cause", why == ERR_REFUSED ? names_cause_text(rcode, text)
								 : err_text(why)));
	if (u->removing) {
		u->is_shown = u->removing = false;
	} else if (why) {
		shown(u, why);
	} else if (u->conf->dns.wait_ms) {
		wait(u, u->conf->dns.wait_ms);
		return;
	} else {
		shown(u, OK);
	}
	acme_authority_step(u);
}

static void show_dns(struct acme_authority *u)
{
	enum err e = acme_dns_update(&u->dns, &u->conf->dns, u->shown.name, u->shown_dns, true);
	if (!e)
		return;
	u->is_shown = false;
	shown(u, e);
	acme_authority_step(u);
}

static void show_here(struct acme_authority *u)
{
	struct reverse_acme *a = u->of;
	enum err e = acme_proofs_put(a->proofs, &u->shown, clock_wall_s());
	if (!e && a->shared)
		e = acme_rows_proof(a, u->held, &u->shown);
	if (!e && a->shared) {
		wait(u, ACME_SHARE_MS);
		return;
	}
	shown(u, e);
	acme_authority_step(u);
}

void acme_show(struct acme_authority *u, const struct acme_proof *proof)
{
	u->showing = u->is_shown = true;
	u->shown_by = proof->challenge;
	u->shown = (struct acme_proof_row){.challenge = proof->challenge};
	bool fits = span_to_cstr(span_text(proof->name), u->shown.name, sizeof(u->shown.name)) &&
		    span_to_cstr(span_text(proof->token), u->shown.token, sizeof(u->shown.token)) &&
		    span_to_cstr(span_text(proof->authorization), u->shown.authorization,
				 sizeof(u->shown.authorization)) &&
		    span_to_cstr(span_text(proof->dns), u->shown_dns, sizeof(u->shown_dns));
	memcpy(u->shown.digest, proof->digest, sizeof(u->shown.digest));
	ASSERT(fits); /* the engine's bounds are ours */
	if (proof->challenge == ACME_DNS_01)
		show_dns(u);
	else
		show_here(u);
}

bool acme_unshow(struct acme_authority *u)
{
	if (!u->is_shown)
		return true;
	if (u->shown_by != ACME_DNS_01) {
		acme_unshow_now(u);
		return true;
	}
	if (u->removing)
		return false;
	acme_dns_stop(&u->dns);
	u->removing =
		acme_dns_update(&u->dns, &u->conf->dns, u->shown.name, u->shown_dns, false) == OK;
	u->is_shown = u->removing;
	return !u->removing;
}

void acme_unshow_now(struct acme_authority *u)
{
	acme_dns_stop(&u->dns);
	if (u->is_shown && u->shown_by != ACME_DNS_01) {
		acme_proofs_drop(u->of->proofs, u->shown.token);
		if (u->of->shared)
			acme_rows_unproof(u->of, u->held);
	}
	u->is_shown = u->showing = u->removing = false;
}

void acme_show_init(struct acme_authority *u)
{
	acme_dns_init(&u->dns, &u->of->loop, dns_done, u);
}
