#include "service/vpn/io_verify.h"

#include "config/global.h"
#include "control/people.h"
#include "os/clock.h"
#include "os/fd.h"
#include "service/vpn/io_signin.h"
#include "service/vpn/io_vpn.h"
#include "supervisor/plan.h"

#include <stdio.h>
#include <stdlib.h>

struct vpn_verify {
	struct vpn *v; /* borrowed */
	int fd;	       /* until control has it */
	struct control_face face;
	struct control *control;
};

enum err vpn_verify_plan(const struct vpn_conf *conf, const struct config_global *global,
			 struct plan *p)
{
	char path[256];
	if (!conf->serve_users)
		return OK;
	(void)snprintf(path, sizeof(path), "%s/" PEOPLE_SOCKET, global->run);
	return plan_add_unix(p, "vpn", "users", path, PLAN_GROUP_SERVICES);
}

enum err vpn_verify_open(struct vpn *v, struct vpn_verify **ret)
{
	*ret = NULL;
	if (!vpn_conf_of(v)->serve_users)
		return OK;
	struct vpn_verify *x = calloc(1, sizeof(*x));
	if (!x)
		return ENOMEM;
	x->v = v;
	x->fd = -1;
	enum err e = service_life_socket(&v->life, "users", PEOPLE_SOCKET, &x->fd);
	if (e)
		vpn_verify_free(x);
	else
		*ret = x;
	return e;
}

static void answered(void *arg, const struct signin_answer *a)
{
	struct control_reply *reply = arg;
	switch (a->result) {
	case SIGNIN_OPENED: control_reply_json(reply, 200, json_pack("{s:b}", "right", 1)); break;
	case SIGNIN_WAIT: control_reply_error(reply, 429, "too many failures; wait"); break;
	case SIGNIN_BUSY:
	case SIGNIN_UNAVAILABLE: control_reply_error(reply, 503, "try again"); break;
	case SIGNIN_REFUSED:
	case SIGNIN_ENROL: control_reply_error(reply, 403, "it is not right"); break;
	}
}

static void handle(void *arg, const struct control_request *req, struct control_reply *reply)
{
	const struct vpn_verify *x = arg;
	const char *user = json_string_value(json_object_get(req->body, "user"));
	const char *password = json_string_value(json_object_get(req->body, "password"));
	const char *address = json_string_value(json_object_get(req->body, "address"));
	struct signin_question q = {.coded = json_is_true(json_object_get(req->body, "coded")),
				    .answer = answered,
				    .arg = reply};
	if (!user || !password || !address ||
	    ip_address_parse(span_text(address), &q.address) != OK) {
		control_reply_error(reply, 400, "user, password and address are wanted");
		return;
	}
	q.user = span_text(user);
	q.password = span_text(password);
	signin_verify(vpn_signin_of(x->v->people), clock_wall_ms(), &q);
}

static const struct control_verb verbs[] = {
	{"POST", "/verify", "is this user's password right, and the code behind it?", handle},
};

enum err vpn_verify_start(struct vpn_verify *x)
{
	if (!x)
		return OK;
	x->face = (struct control_face){.service = "vpn",
					.verbs = verbs,
					.verbs_n = sizeof(verbs) / sizeof(verbs[0]),
					.arg = x};
	return control_new(&x->v->life.loop, fd_take(&x->fd), &x->face, &x->control);
}

void vpn_verify_free(struct vpn_verify *x)
{
	if (!x)
		return;
	control_free(x->control);
	fd_done(&x->fd);
	free(x);
}
