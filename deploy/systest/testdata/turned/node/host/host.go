package host

import _ "teahouse/gateway/edge"
