/* Certificates on the control socket. Knows nothing of how they are ordered. */
#ifndef REVERSE_PROXY_IO_CERTS_H
#define REVERSE_PROXY_IO_CERTS_H

#include "service/reverse-proxy/io_reverse.h"

struct writer;

/* GET /certificates, POST /renew; arg: the proxy. */
void reverse_control_certificates(void *arg, const struct control_request *req,
				  struct control_reply *reply);
void reverse_control_renew(void *arg, const struct control_request *req,
			   struct control_reply *reply);
void reverse_control_certificate_metrics(const struct reverse_proxy *p, struct writer *w);

#endif
