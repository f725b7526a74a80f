/* The sign-in page in its process: sockets, certificate, who is connected. Knows no request and
 * decides nothing: portal/portal.h and signin/signin.h do. */
#ifndef VPN_IO_PAGE_H
#define VPN_IO_PAGE_H

#include "base/err.h"

#include <jansson.h>

struct control_reply;
struct control_request;
struct plan;
struct signin;
struct vpn;
struct vpn_conf;
struct vpn_page;
struct writer;

/* What is wanted of the supervisor. */
MUST enum err vpn_page_plan(const struct vpn_conf *conf, struct plan *p);

/* Takes the page's sockets, or opens them while we may. Without `sign-in` there is no page: OK, and
 * *ret NULL. Errors are logged. */
MUST enum err vpn_page_open(struct vpn *v, struct vpn_page **ret);
/* After the sandbox, when the state directory is ours: the certificate, and answers. signin:
 * borrowed until vpn_page_free. Accepts NULL. Errors are logged. */
MUST enum err vpn_page_start(struct vpn_page *x, struct signin *signin);
/* That configuration is in force: name and certificate may be others; where the page listens is
 * read at the start only. Open connections end. Errors are logged, and the page stays as it was. */
void vpn_page_reload(struct vpn_page *x);
/* Before the sign-in. Accepts NULL. */
void vpn_page_free(struct vpn_page *x);

/* A new object for the status, null without a page; Prometheus text. */
json_t *vpn_page_status(const struct vpn_page *x);
void vpn_page_metrics(const struct vpn_page *x, struct writer *text);

/* Control: the authority's certificate, PEM in JSON. arg: struct vpn. */
void vpn_page_authority(void *arg, const struct control_request *req, struct control_reply *reply);

#endif
