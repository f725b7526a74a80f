/* What the files of portal.h share: the portal itself, and pages begun and ended for a visit. Knows
 * no socket. */
#ifndef VPN_PORTAL_PORTAL_INNER_H
#define VPN_PORTAL_PORTAL_INNER_H

#include "service/vpn/portal/answer.h"
#include "service/vpn/portal/portal.h"

enum {
	PORTAL_TOKEN_LEN = 16,			      /* bytes of a form's token; two digits each */
	PORTAL_TOKEN_TEXT = 2 * PORTAL_TOKEN_LEN + 1, /* with the NUL */
};

struct portal {
	struct portal_config config; /* its name, addresses and authority are our copies */
	struct answer_policy policy;
	char *name;
	struct ip_address *addresses;
	uint8_t *authority;
	char url[PORTAL_HOST_MAX + 16];
};

/* Is this a host that the page has (a name or an address, perhaps with its port)? */
bool portal_is_host(const struct portal *p, struct span host);

/* An answer for v: its head is begun, with the form cookie when the browser lacks one. */
struct answer portal_answer(struct portal_visit *v, unsigned status);

/* A page in v's language, up to <main>'s first element. */
struct answer portal_page(struct portal_visit *v, unsigned status, enum portal_text heading,
			  const char *refresh);
void portal_page_close(struct portal_visit *v, struct answer *a);
/* A page of one sentence and a way back. */
void portal_say(struct portal_visit *v, unsigned status, enum portal_text heading,
		enum portal_text sentence);
/* 303 to that path; cookie: the session's new value, NULL: as it is. */
void portal_see_other(struct portal_visit *v, const char *path, const char *cookie,
		      uint64_t max_age_s);

/* Of forms for this browser, at this peer, in this session. */
void portal_token(const struct portal_visit *v, char ret[PORTAL_TOKEN_TEXT]);
void portal_form_begin(struct portal_visit *v, struct writer *w, const char *action);

/* Why the front page is shown again. */
struct portal_trouble {
	unsigned status; /* 0: none */
	enum portal_text text;
	uint64_t wait_ms; /* of TEXT_WAIT */
};

/* What is to be told of a try that opened nothing. */
struct portal_trouble portal_trouble_of(const struct signin_answer *answer);
void portal_trouble_write(struct portal_visit *v, struct writer *w, struct portal_trouble t);

/* One for each route; query: what is after the question mark. */
void portal_front(struct portal_visit *v, struct span query);
void portal_front_again(struct portal_visit *v, struct portal_trouble trouble);
void portal_proof(struct portal_visit *v, struct span query);
void portal_sign_in(struct portal_visit *v, struct span form);
void portal_enrol(struct portal_visit *v, struct span form);
void portal_sign_out(struct portal_visit *v, struct span form);
void portal_password(struct portal_visit *v, struct span query);
void portal_password_change(struct portal_visit *v, struct span form);
void portal_sessions(struct portal_visit *v, struct span query);
void portal_sessions_end(struct portal_visit *v, struct span form);

/* How v's peer stands for v's browser. */
struct signin_view portal_view(const struct portal_visit *v);

#endif
