/* GET /why of the control socket: what would become of a request. Belongs to the main thread. */
#ifndef FORWARD_PROXY_IO_WHY_H
#define FORWARD_PROXY_IO_WHY_H

#include "service/forward-proxy/io_forward.h"

void forward_why(void *arg, const struct control_request *req, struct control_reply *reply);

#endif
