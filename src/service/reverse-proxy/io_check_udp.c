#include "service/reverse-proxy/io_check_udp.h"

#include "os/fd.h"
#include "os/udp.h"
#include "service/reverse-proxy/check_udp.h"
#include "service/reverse-proxy/conf_check.h"
#include "service/reverse-proxy/io_check.h"

enum { ANSWER_MAX = 4096 }; /* of an answer is looked at */

void reverse_check_udp_end(struct reverse_check_run *r)
{
	if (r->udp_fd < 0)
		return;
	loop_remove(r->loop, &r->udp_watch);
	fd_done(&r->udp_fd);
}

static void over(struct reverse_check_run *r, bool good, const char *why)
{
	reverse_check_end(r);
	r->over(r->arg, good, why);
}

/* The kernel passes only what the server sends, and what ICMP says of it. */
static void ready(void *arg, uint32_t events)
{
	struct reverse_check_run *r = arg;
	uint8_t answer[ANSWER_MAX];
	size_t len = 0;
	(void)events;
	enum err e = udp_read(r->udp_fd, answer, sizeof(answer), &len);
	if (e)
		over(r, false, err_text(e));
	else if (len == 0)
		return;
	else if (reverse_check_udp_judge(r->conf,
					 span_of(answer, len < ANSWER_MAX ? len : ANSWER_MAX)))
		over(r, true, "");
	else
		over(r, false, "not the answer that is expected");
}

enum err reverse_check_udp_begin(struct reverse_check_run *r, const struct ip_endpoint *to)
{
	uint8_t room[REVERSE_CHECK_UDP_TEXT_MAX];
	struct span question;
	TRY(reverse_check_octets(r->conf->udp, room, &question));
	TRY(udp_connect(to, NULL, 0, &r->udp_fd));
	TRY(loop_add(r->loop, &r->udp_watch, r->udp_fd, LOOP_READ, ready, r));
	enum err e = udp_write(r->udp_fd, question);
	return e == (enum err)EAGAIN ? ERR_LIMIT : e; /* the kernel has no room */
}
