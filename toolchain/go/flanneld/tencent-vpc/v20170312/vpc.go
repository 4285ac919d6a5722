// Package v20170312 stands in for one cloud's route-table client, whose module
// package registries do not serve. flanneld registers that back end at start-up
// whether or not it is asked for, so the names must exist; every call fails.
package v20170312

import "errors"

var errAbsent = errors.New("flanneld was built without the tencent-vpc back end: choose vxlan")

type Filter struct {
	Name   *string
	Values []*string
}

type Route struct {
	DestinationCidrBlock, GatewayId, GatewayType, RouteType *string
	Enabled                                                 *bool
	RouteId                                                 *uint64
}

type RouteTable struct {
	RouteTableId *string
	RouteSet     []*Route
}

type DescribeRouteTablesRequest struct{ Filters []*Filter }

type DescribeRouteTablesResponse struct {
	Response *struct{ RouteTableSet []*RouteTable }
}

type DeleteRoutesRequest struct {
	RouteTableId *string
	Routes       []*Route
}

type CreateRoutesRequest DeleteRoutesRequest

type Client struct{}

func NewClientWithSecretId(_, _, _ string) (*Client, error)      { return nil, errAbsent }
func NewDescribeRouteTablesRequest() *DescribeRouteTablesRequest { return &DescribeRouteTablesRequest{} }
func NewDeleteRoutesRequest() *DeleteRoutesRequest               { return &DeleteRoutesRequest{} }
func NewCreateRoutesRequest() *CreateRoutesRequest               { return &CreateRoutesRequest{} }

func (*Client) DescribeRouteTables(*DescribeRouteTablesRequest) (*DescribeRouteTablesResponse, error) {
	return nil, errAbsent
}
func (*Client) DeleteRoutes(*DeleteRoutesRequest) (any, error) { return nil, errAbsent }
func (*Client) CreateRoutes(*CreateRoutesRequest) (any, error) { return nil, errAbsent }
