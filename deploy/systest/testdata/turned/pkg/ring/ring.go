package ring

import _ "teahouse/node/table"
